"""PURE: the known causes of a failure: how each shows in a log, and one sentence that says what it is and what helps.

A false hit is worse than a miss: a pattern holds the words that the tool prints when it gives up, never what it warns of.
tests/providers/coolify/watching/test_known_failures.py has for each one a real line, with its source, and a line that only looks like it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LINES_SEARCHED, MAX_LINE_CHARS = 150, 2000
"""Lines of a part that are looked at, from its end, and characters of each: npm lists every package that is missing."""

BEFORE = re.compile(r"(?:exit code (?!137\b)-?\d+: )?(?:#(?P<step>\d+) )?(?:\d+\.\d+ )?\s*")
"""What stands before a line: our words for Coolify's, and BuildKit's step and seconds."""

BROKEN_STEP = re.compile(r"^#(\d+) ERROR\b", re.MULTILINE)
QUOTED = re.compile(
    r"process \".*\"(?= did not)|executor failed running \[.*\](?=: exit)|The command '.*'(?= returned)"
)
NOISE = re.compile(
    r"[\[>+✓✔√✗✘\u00d7✕●○]|\d+ \||\d+\) |ok \d|not ok \d|PASS\b|FAIL\b|--- |=== |(?:should|it|test|describe)\b"
    r"|(?:npm |yarn )?(?:warn|warning|notice|info|note|debug|hint)\b",
    re.IGNORECASE,
)
"""Lines that quote: a Dockerfile's instruction, a shell's trace, a test's name, a warning."""

NPM = r"^npm (?:ERR!|error) "
RUN = r"\bRUN(?: did not complete successfully: exit code:|: exit code:| returned a non-zero code:) "


@dataclass(frozen=True, slots=True)
class KnownFailure:
    """`named`: the sentence for a line that people may see, with what the pattern caught in it."""

    pattern: re.Pattern[str]
    sentence: str
    named: str = ""


def _cause(sentence: str, *patterns: str, named: str = "") -> KnownFailure:
    return KnownFailure(re.compile("|".join(patterns)), sentence, named)


# Of a line the first one that fits counts.
KNOWN_FAILURES = (
    # --- the registry
    _cause(
        "The registry refuses Coolify's own helper image, mostly for an expired login: run `docker logout ghcr.io` on the server.",
        r'/coolify-helper/manifests/[^"]*": denied',
    ),
    _cause(
        "The registry allows no more pulls for now: log in to it on the server with `docker login`, or deploy again later.",
        r"(?:^|: )toomanyrequests: ",
    ),
    _cause(
        "The registry does not have this image or tag: check the name, and that it was pushed before the deployment.",
        r": manifest unknown(?:: manifest unknown)?\.?$",
        r": failed to resolve source metadata for \S+: \S+: not found$",
    ),
    _cause(
        "The image is not made for the server's processor: build it for that platform (`docker buildx build --platform`).",
        r"no matching manifest for linux/\S+ in the manifest list entries",
        r"^exec \S+: exec format error$",
    ),
    _cause(
        "The registry refused the image: the name is wrong, or the server is not logged in (`docker login`, as Coolify's user there).",
        r"(?:^|: |Error )pull access denied\b",
        r": denied: requested access to the resource is denied$",
        r'Error response from daemon: Head "[^"]+": (?:unauthorized|denied)\b',
        r": failed to authorize: failed to fetch (?:oauth|anonymous) token: .*: 40[13] ",
    ),
    # --- what the server lacks
    _cause(
        "The server's disk is full: free some of it (`docker builder prune`, or Coolify's Docker cleanup), then deploy again.",
        r"(?i:(?:: |\] )no space left on device(?:$|[.,:'\"]))",
    ),
    _cause(
        "Node ran out of its heap: set `NODE_OPTIONS=--max-old-space-size=…` for the build, or give the server more memory.",
        r"^FATAL ERROR: .*JavaScript heap out of memory$",
    ),
    _cause(
        "It was killed (137), nearly always because the memory ran out: give the server more memory or swap, or build elsewhere.",
        r"^exit code 137(?::|$)",
        rf"{RUN}137$",
        r"[Cc]ommand failed with exit code 137\.?$",
        rf"{NPM}(?:errno|Exit status) 137$",
        r"^Killed$",
        r"\(signal: 9, SIGKILL: kill\)$",
    ),
    _cause(
        "A port of the server is taken: change the port mapping, or stop what uses the port.",
        r"Bind for \S+ failed: port is already allocated",
        r"driver failed programming external connectivity .*: address already in use",
    ),
    # --- variables
    _cause(
        "An environment variable is missing: add it in Coolify or with `env`; a build sees only build variables.",
        r"(?:required variable (?=\w+ is missing a value)|^(?:[Ee]rror: )?(?:Schema parsing error: )?Environment variable not found: )"
        r"(?P<name>[A-Za-z_]\w*)",
        named="The environment variable {name} is missing: add it in Coolify or with `env`; a build sees only build variables.",
    ),
    _cause(
        "Environment variables are missing or invalid: add them in Coolify or with `env`; a build sees only build variables.",
        r"^(?:❌ |Error: )Invalid environment variables(?:$|:)",
    ),
    # --- packages
    _cause(
        "The lock file does not fit the package file: install locally, commit the lock file, and deploy again.",
        rf"{NPM}(?:`npm ci`|cipm) can only install packages when your package\.json and ",
        r"^error Your lockfile needs to be updated, but yarn was run with ",
        r"YN0028: .*The lockfile would have been modified by this install, which is explicitly forbidden",
        r"^ERR_PNPM_(?:OUTDATED_LOCKFILE|FROZEN_LOCKFILE_WITH_OUTDATED_LOCKFILE) ",
        r"^error: lockfile had changes, but lockfile is frozen$",
        r"^(?:Error: )?pyproject\.toml changed significantly since poetry\.lock was last generated\.",
        r"^You are trying to install in deployment mode after changing$",
        r"^error: (?:the lock file \S+|Cargo\.lock) needs to be updated but --locked was passed to prevent this$",
        r": missing go\.sum entry(?: for module providing package |; to add it:)",
    ),
    _cause(
        "The build runs another version of its language or tools than the code asks for: change the base image, or a variable like "
        "`NIXPACKS_NODE_VERSION`.",
        r'^error \S+: The engine "[^"]+" is incompatible with this module\.',
        r"^ERR_PNPM_UNSUPPORTED_ENGINE ",
        r"^Your Ruby version is \S+, but your Gemfile specified ",
        r"^(?:error: )?package `[^`]+` cannot be built because it requires rustc ",
        r"^go: go\.mod requires go >= \S+ \(running go ",
    ),
    _cause(
        "A package, or this version of it, was not found: check its name and version, the login of a private registry, and the network.",
        rf"{NPM}(?:code (?:E404|ETARGET)$|404 Not Found|notarget No matching version found for )",
        r"^ERROR: No matching distribution found for ",
        r'^error Couldn\'t find any versions for "',
    ),
    _cause(
        "The packages' requirements contradict each other: solve that locally, commit the lock file, and deploy again.",
        rf"{NPM}code ERESOLVE$",
        r"^Your requirements could not be resolved to an installable set of packages\.$",
        r"^Your lock file does not contain a compatible set of packages\. ",
    ),
    _cause(
        "The package file has no script of that name: add it, or change the command in Coolify.",
        rf"{NPM}[Mm]issing script: ",
    ),
    # --- what is built and started
    _cause(
        "The Dockerfile was not found: set its location and the base directory in Coolify.",
        r"failed to read dockerfile: open \S+: no such file or directory$",
    ),
    _cause(
        "The Dockerfile has a mistake in it.",
        r": dockerfile parse error (?:on )?line \d+: ",
    ),
    _cause(
        "A file that the Dockerfile copies is not there: check its path, .dockerignore and the base directory.",
        r'failed to calculate checksum of ref \S+: "[^"]+": not found$',
    ),
    _cause(
        "A command of the build was not found (exit code 127): install it in the image, or correct the command.",
        rf"{RUN}127$",
    ),
    _cause(
        "The start command does not exist in the image: correct it, or add what it starts.",
        r'exec: \\*"[^"\\]+\\*": (?:executable file not found in \$PATH|stat \S+: no such file or directory)',
    ),
    _cause(
        "Nixpacks found no start command: set one in Coolify.",
        r"^Error: No start command could be found$",
    ),
    _cause(
        "Nixpacks does not know what to build: set the base directory, or choose another build pack.",
        r"^Nixpacks (?:failed to detect the application type|was unable to generate a build plan for this app)\.",
    ),
    _cause(
        "Coolify did not find the compose file: set its location, with the right ending (.yaml or .yml).",
        r"^Docker Compose file not found at: ",
    ),
    _cause(
        "The compose file is not valid: check it with `docker compose config`.",
        r': invalid compose project"?$',
        r"^yaml: line \d+: ",
        r"^invalid interpolation format for ",
        r"^no service selected$",
    ),
    # --- git, before SSH: both print the same about different hosts
    _cause(
        "A dependency is a private git repository that the build may not read: take it from a registry, or give the build a token.",
        rf"{NPM}.*: Permission denied \(publickey",
    ),
    _cause(
        "The branch does not exist in the repository: correct it in the application's source settings.",
        r"^fatal: Remote branch \S+ not found in upstream origin$",
    ),
    _cause(
        "Git could not resolve the repository's host: check its address and the server's DNS, then deploy again.",
        r"^fatal: unable to access '[^']*': Could not resolve host: ",
    ),
    _cause(
        "Git could not read the repository: check its address, and the deploy key, GitHub App or token that Coolify has for it.",
        r"^fatal: (?:Could not read from remote repository\.|could not read Username for |Authentication failed for )",
        r"^fatal: repository '[^']*' not found$",
        r"^fatal: unable to access '[^']*': The requested URL returned error: 40[134]$",
    ),
    # --- the way to the server
    _cause(
        "Coolify could not reach the server over SSH: validate the server in Coolify, check its firewall and key, then deploy again.",
        r"^ssh: connect to host \S+ port \d+: ",
        r"^(?!git@)[^\s@:]+@[^\s@:]+: Permission denied \(publickey",
        r"^(?:kex_exchange_identification: |Connection timed out during banner exchange$)",
    ),
    _cause(
        "Coolify holds the server for not functional: validate it under Servers, then deploy again.",
        r"^Server is not functional\.$",
    ),
    # --- the network
    _cause(
        "A host name could not be resolved (DNS): check the name and the server's DNS, then deploy again.",
        r"\bgetaddrinfo (?:EAI_AGAIN|ENOTFOUND) \S+",
        r"^cURL error 6: Could not resolve host: ",
        r"^(?:[EW]: Failed to fetch \S+  )?Temporary failure resolving '",
        r": dial tcp: lookup \S+(?: on \S+)?: .*(?:i/o timeout|no such host|server misbehaving)$",
    ),
    _cause(
        "A registry did not answer in time: check the server's network, then deploy again.",
        r'Error response from daemon: Get "?https://\S+: net/http: (?:TLS handshake timeout|request canceled)',
    ),
    # --- Coolify itself
    _cause(
        "The deployment command (pre or post) found no container: check the container's name in Coolify.",
        r"^(?:Pre|Post)-deployment command: Could not find a valid container\.",
    ),
    _cause(
        "It took longer than Coolify allows: raise the deployment timeout in the server's advanced settings, or make it quicker.",
        r"^App\\Jobs\\ApplicationDeploymentJob has (?:timed out|been attempted too many times)\.$",
        r"^(?:its command|.*\") exceeded the timeout of \d+ seconds\.?$",
    ),
    _cause(
        "Docker on the server was not ready for a moment: deploy again.",
        r"^unable to upgrade to tcp, received 409$",
    ),
)

PRE_COMMAND = "The pre-deployment command failed, in the container of the version before: correct it, or what it needs there."


def match(text: str, *, shown: bool) -> str:
    """The sentence for the last line that shows a known cause, or nothing. `shown`: people may see the text, so it may be named."""
    lines = text.replace("\r", "\n").rsplit("\n", LINES_SEARCHED)[-LINES_SEARCHED:]
    broken = BROKEN_STEP.findall("\n".join(lines))
    for line in reversed(lines):
        bare, step = _bare(line)
        if NOISE.match(bare) or (broken and step and step not in broken):
            continue
        for cause in KNOWN_FAILURES:
            if found := cause.pattern.search(bare):
                return cause.named.format(**found.groupdict()) if shown and cause.named else cause.sentence
    return ""


def _bare(line: str) -> tuple[str, str]:
    """A line without what stands before it and the command that it quotes, and BuildKit's number of the step."""
    if len(line) > MAX_LINE_CHARS:
        line = f"{line[: MAX_LINE_CHARS // 2]}…{line[-MAX_LINE_CHARS // 2 :]}"
    line = line.strip()
    before = BEFORE.match(line)
    return QUOTED.sub("RUN", line[before.end() :] if before else line), (before and before["step"]) or ""
