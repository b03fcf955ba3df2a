"""PURE: the known failures: how each appears in a log, and one sentence with its meaning and its fix.

A false match is worse than a miss: a pattern contains what the tool prints when it gives up, never what it
warns about. tests/providers/coolify/watching/test_known_failures.py has a real line for each, with its
source, and a line that only looks like it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

MAX_LINES_SEARCHED = 150
"""From the end: npm lists every missing package first."""
MAX_LINE_CHARS = 2000

BEFORE = re.compile(r"(?:exit code (?!137\b)-?\d+: )?(?:#(?P<step>\d+) )?(?:\d+\.\d+ )?\s*")
"""Prefixes of a line: our text in place of Coolify's, and BuildKit's step and seconds."""

FAILED_STEP = re.compile(r"^#(\d+) ERROR\b", re.MULTILINE)
QUOTED = re.compile(
    r"process \".*\"(?= did not)|executor failed running \[.*\](?=: exit)|The command '.*'(?= returned)"
)
NOISE = re.compile(
    r"[\[>+✓✔√✗✘\u00d7✕●○]|\d+ \||\d+\) |ok \d|not ok \d|PASS\b|FAIL\b|--- |=== "
    r"|(?:should|it|test|describe)\b"
    r"|(?:npm |yarn )?(?:warn|warning|notice|info|note|debug|hint)\b",
    re.IGNORECASE,
)
"""Lines that only quote: an instruction of a Dockerfile, a shell trace, the name of a test, a warning."""

NPM = r"^npm (?:ERR!|error) "
RUN = r"\bRUN(?: did not complete successfully: exit code:|: exit code:| returned a non-zero code:) "


@dataclass(frozen=True, slots=True)
class KnownFailure:
    """A failure that can be recognized in a log."""

    pattern: str
    """A regular expression, searched in a single line. Compiled when it is needed: most runs succeed."""
    sentence: str
    """What it means, and the fix."""
    named: str = ""
    """The same sentence with the groups of the pattern, for lines that may be quoted."""


_compiled = cache(re.compile)


def _known(sentence: str, *patterns: str, named: str = "") -> KnownFailure:
    return KnownFailure("|".join(patterns), sentence, named)


# For each line, the first match counts.
KNOWN_FAILURES = (
    # --- the registry
    _known(
        "The registry refuses Coolify's own helper image, usually because a login has expired. Run `docker "
        "logout ghcr.io` on the server.",
        r'/coolify-helper/manifests/[^"]*": denied',
    ),
    _known(
        "The pull limit of the registry is reached. Log in to it on the server (`docker login`), or deploy "
        "again later.",
        r"(?:^|: )toomanyrequests: ",
    ),
    _known(
        "The registry does not have this image or tag. Check its name, and that it was pushed before the "
        "deployment.",
        r": manifest unknown(?:: manifest unknown)?\.?$",
        r": failed to resolve source metadata for \S+: \S+: not found$",
    ),
    _known(
        "The image was not built for the server's processor. Build it for that platform (`docker buildx "
        "build --platform`).",
        r"no matching manifest for linux/\S+ in the manifest list entries",
        r"^exec \S+: exec format error$",
    ),
    _known(
        "The registry refused the image: its name is wrong, or the server is not logged in. Check the name, "
        "or run `docker login` as Coolify's user on the server.",
        r"(?:^|: |Error )pull access denied\b",
        r": denied: requested access to the resource is denied$",
        r'Error response from daemon: Head "[^"]+": (?:unauthorized|denied)\b',
        r": failed to authorize: failed to fetch (?:oauth|anonymous) token: .*: 40[13] ",
    ),
    # --- what the server lacks
    _known(
        "The server's disk is full. Free some space (`docker builder prune`, or Coolify's Docker cleanup), "
        "then deploy again.",
        r"(?i:(?:: |\] )no space left on device(?:$|[.,:'\"]))",
    ),
    _known(
        "Node.js ran out of heap memory. Set `NODE_OPTIONS=--max-old-space-size=…` for the build, or give "
        "the server more memory.",
        r"^FATAL ERROR: .*JavaScript heap out of memory$",
    ),
    _known(
        "The process was killed (exit code 137), most likely out of memory. Give the server more memory or "
        "swap, or build elsewhere.",
        r"^exit code 137(?::|$)",
        rf"{RUN}137$",
        r"[Cc]ommand failed with exit code 137\.?$",
        rf"{NPM}(?:errno|Exit status) 137$",
        r"^Killed$",
        r"\(signal: 9, SIGKILL: kill\)$",
    ),
    _known(
        "A port is already in use on the server. Change the port mapping, or stop what uses the port.",
        r"Bind for \S+ failed: port is already allocated",
        r"driver failed programming external connectivity .*: address already in use",
    ),
    # --- variables
    _known(
        "An environment variable is missing. Add it in Coolify or with `env`; a build only sees build "
        "variables.",
        r"(?:required variable (?=\w+ is missing a value)|^(?:[Ee]rror: )?(?:Schema parsing error: "
        r")?Environment variable not found: )"
        r"(?P<name>[A-Za-z_]\w*)",
        named="The environment variable {name} is missing. Add it in Coolify or with `env`; a build only "
        "sees build variables.",
    ),
    _known(
        "Environment variables are missing or invalid. Set them in Coolify or with `env`; a build only sees "
        "build variables.",
        r"^(?:❌ |Error: )Invalid environment variables(?:$|:)",
    ),
    # --- packages
    _known(
        "The lock file is out of sync with the manifest. Install locally, commit the lock file, and deploy "
        "again.",
        rf"{NPM}(?:`npm ci`|cipm) can only install packages when your package\.json and ",
        r"^error Your lockfile needs to be updated, but yarn was run with ",
        r"YN0028: .*The lockfile would have been modified by this install, which is explicitly forbidden",
        r"^ERR_PNPM_(?:OUTDATED_LOCKFILE|FROZEN_LOCKFILE_WITH_OUTDATED_LOCKFILE) ",
        r"^error: lockfile had changes, but lockfile is frozen$",
        r"^(?:Error: )?pyproject\.toml changed significantly since poetry\.lock was last generated\.",
        r"^You are trying to install in deployment mode after changing$",
        r"^error: (?:the lock file \S+|Cargo\.lock) needs to be updated but --locked was passed to prevent "
        r"this$",
        r": missing go\.sum entry(?: for module providing package |; to add it:)",
    ),
    _known(
        "The build uses another version of a language or tool than the code requires. Change the base "
        "image, or a variable "
        "such as `NIXPACKS_NODE_VERSION`.",
        r'^error \S+: The engine "[^"]+" is incompatible with this module\.',
        r"^ERR_PNPM_UNSUPPORTED_ENGINE ",
        r"^Your Ruby version is \S+, but your Gemfile specified ",
        r"^(?:error: )?package `[^`]+` cannot be built because it requires rustc ",
        r"^go: go\.mod requires go >= \S+ \(running go ",
    ),
    _known(
        "A package, or this version of it, was not found. Check its name and version, the login to a "
        "private registry, and the network.",
        rf"{NPM}(?:code (?:E404|ETARGET)$|404 Not Found|notarget No matching version found for )",
        r"^ERROR: No matching distribution found for ",
        r'^error Couldn\'t find any versions for "',
    ),
    _known(
        "The requirements of the packages conflict. Resolve that locally, commit the lock file, and deploy "
        "again.",
        rf"{NPM}code ERESOLVE$",
        r"^Your requirements could not be resolved to an installable set of packages\.$",
        r"^Your lock file does not contain a compatible set of packages\. ",
    ),
    _known(
        "The script is missing from package.json. Add it, or change the command in Coolify.",
        rf"{NPM}[Mm]issing script: ",
    ),
    # --- what is built and started
    _known(
        "The Dockerfile was not found. Set its location and the base directory in Coolify.",
        r"failed to read dockerfile: open \S+: no such file or directory$",
    ),
    _known(
        "The Dockerfile has a syntax error. Fix the line that is named below.",
        r": dockerfile parse error (?:on )?line \d+: ",
    ),
    _known(
        "A file that the Dockerfile copies does not exist. Check its path, .dockerignore and the base "
        "directory.",
        r'failed to calculate checksum of ref \S+: "[^"]+": not found$',
    ),
    _known(
        "A command of the build was not found (exit code 127). Install it in the image, or fix the command.",
        rf"{RUN}127$",
    ),
    _known(
        "The start command does not exist in the image. Fix the command, or add the program to the image.",
        r'exec: \\*"[^"\\]+\\*": (?:executable file not found in \$PATH|stat \S+: no such file or directory)',
    ),
    _known(
        "Nixpacks found no start command. Set one in Coolify.",
        r"^Error: No start command could be found$",
    ),
    _known(
        "Nixpacks did not recognize what to build. Set the base directory, or choose another build pack.",
        r"^Nixpacks (?:failed to detect the application type|was unable to generate a build plan for this "
        r"app)\.",
    ),
    _known(
        "Coolify did not find the compose file. Set its location, with the right extension (.yaml or .yml).",
        r"^Docker Compose file not found at: ",
    ),
    _known(
        "The compose file is invalid. Check it with `docker compose config`.",
        r': invalid compose project"?$',
        r"^yaml: line \d+: ",
        r"^invalid interpolation format for ",
        r"^no service selected$",
    ),
    # --- git, before SSH: both print the same about different hosts
    _known(
        "A dependency is a private Git repository that the build can't access. Use a registry instead, or "
        "give the build a token.",
        rf"{NPM}.*: Permission denied \(publickey",
    ),
    _known(
        "The branch does not exist in the repository. Correct it in the application's source settings.",
        r"^fatal: Remote branch \S+ not found in upstream origin$",
    ),
    _known(
        "Git could not resolve the repository's host. Check its URL and the server's DNS, then deploy again.",
        r"^fatal: unable to access '[^']*': Could not resolve host: ",
    ),
    _known(
        "Git could not read the repository. Check its URL, and the deploy key, GitHub App or token that "
        "Coolify uses for it.",
        r"^fatal: (?:Could not read from remote repository\.|could not read Username for |Authentication "
        r"failed for )",
        r"^fatal: repository '[^']*' not found$",
        r"^fatal: unable to access '[^']*': The requested URL returned error: 40[134]$",
    ),
    # --- the connection to the server
    _known(
        "Coolify could not reach the server over SSH. Validate the server in Coolify, check its firewall "
        "and key, then deploy again.",
        r"^ssh: connect to host \S+ port \d+: ",
        r"^(?!git@)[^\s@:]+@[^\s@:]+: Permission denied \(publickey",
        r"^(?:kex_exchange_identification: |Connection timed out during banner exchange$)",
    ),
    _known(
        "Coolify considers the server not functional. Validate it under Servers, then deploy again.",
        r"^Server is not functional\.$",
    ),
    # --- the network
    _known(
        "A host name could not be resolved (DNS). Check the name and the server's DNS, then deploy again.",
        r"\bgetaddrinfo (?:EAI_AGAIN|ENOTFOUND) \S+",
        r"^cURL error 6: Could not resolve host: ",
        r"^(?:[EW]: Failed to fetch \S+  )?Temporary failure resolving '",
        r": dial tcp: lookup \S+(?: on \S+)?: .*(?:i/o timeout|no such host|server misbehaving)$",
    ),
    _known(
        "A registry did not respond in time. Check the server's network, then deploy again.",
        r'Error response from daemon: Get "?https://\S+: net/http: '
        r"(?:TLS handshake timeout|request canceled)",
    ),
    # --- Coolify itself
    _known(
        "The pre- or post-deployment command found no container. Check the container's name in Coolify.",
        r"^(?:Pre|Post)-deployment command: Could not find a valid container\.",
    ),
    _known(
        "The deployment took longer than Coolify allows. Increase the deployment timeout in the server's "
        "advanced settings, or speed up the build.",
        r"^App\\Jobs\\ApplicationDeploymentJob has (?:timed out|been attempted too many times)\.$",
        r"^(?:its command|.*\") exceeded the timeout of \d+ seconds\.?$",
    ),
    _known(
        "Docker on the server was temporarily not ready. Deploy again.",
        r"^unable to upgrade to tcp, received 409$",
    ),
)

PRE_COMMAND = (
    "The pre-deployment command failed in the container of the previous version. Fix the command, "
    "or what it needs there."
)


def match(text: str, *, shown: bool) -> str:
    """The sentence for the last line that shows a known failure; empty without one.

    `shown`: the text may be quoted.
    """
    lines = text.replace("\r", "\n").rsplit("\n", MAX_LINES_SEARCHED)[-MAX_LINES_SEARCHED:]
    failed_steps = FAILED_STEP.findall("\n".join(lines))
    for line in reversed(lines):
        bare, step = _bare(line)
        if NOISE.match(bare) or (failed_steps and step and step not in failed_steps):
            continue
        for known in KNOWN_FAILURES:
            if found := _compiled(known.pattern).search(bare):
                return known.named.format(**found.groupdict()) if shown and known.named else known.sentence
    return ""


def _bare(line: str) -> tuple[str, str]:
    """A line without its prefix and the command that it quotes, and the number of BuildKit's step."""
    if len(line) > MAX_LINE_CHARS:
        line = f"{line[: MAX_LINE_CHARS // 2]}…{line[-MAX_LINE_CHARS // 2 :]}"
    line = line.strip()
    before = BEFORE.match(line)
    text = line[before.end() :] if before else line
    return QUOTED.sub("RUN", text), (before and before["step"]) or ""
