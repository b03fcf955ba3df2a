"""Known failures: each has a real log line with its source, and a line that only looks like it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from deployer.providers.coolify.watching import deployment, failure, known_failures
from deployer.providers.coolify.watching.known_failures import KNOWN_FAILURES, match
from tests.providers.coolify.support import BASE, Row, body, ended, entry, polls

HELPER, RATE, NO_IMAGE, PLATFORM, REFUSED = (
    "helper image",
    "pull limit",
    "this image or tag",
    "processor",
    "registry refused",
)
DISK, HEAP, KILLED, PORT = "disk is full", "out of heap", "exit code 137", "port is already in use"
VARIABLE, VARIABLES = "environment variable", "Environment variables"
LOCK, VERSION, NO_PACKAGE, CONFLICT, SCRIPT = (
    "out of sync",
    "another version",
    "A package, or",
    "packages conflict",
    "script is missing",
)
NO_DOCKERFILE, DOCKERFILE, COPIED = "Dockerfile was not found", "syntax error", "Dockerfile copies"
NO_COMMAND, NO_START, NO_START_COMMAND, NIXPACKS = (
    "code 127",
    "start command does not exist",
    "no start command",
    "what to build",
)
NO_COMPOSE, COMPOSE = "find the compose file", "compose file is invalid"
PRIVATE, BRANCH, GIT_HOST, GIT = (
    "private Git repository",
    "branch does not exist",
    "repository's host",
    "read the repository. Check its URL",
)
SSH, SERVER, DNS, SLOW = "over SSH", "not functional", "host name could not", "respond in time"
PRE, TIMEOUT, DOCKER = "found no container", "than Coolify allows", "not ready"

CAPTURED = Path(__file__).parents[3] / "contracts" / "coolify" / "captured-2"
COOLIFY = "https://github.com/coollabsio/coolify/issues/"
DOCKER_ERROR = "Error response from daemon: "


class RealLine(NamedTuple):
    """A real log line, a part of the sentence that explains it, and its source."""

    line: str
    key: str
    source: str


REAL_LINES = [
    RealLine(
        (
            f'docker: {DOCKER_ERROR}Head "https://ghcr.io/v2/coollabsio/coolify-helper/manifests/1.0.11": '
            "denied: denied"
        ),
        HELPER,
        f"{COOLIFY}6626",
    ),
    RealLine(
        "Error: toomanyrequests: You have reached your unauthenticated pull rate limit. ",
        RATE,
        f"{COOLIFY}8207",
    ),
    RealLine(
        f"{DOCKER_ERROR}toomanyrequests: retry-after: 179.767µs, allowed: 44000/minute",
        RATE,
        f"{COOLIFY}3395",
    ),
    RealLine(f"{DOCKER_ERROR}manifest unknown", NO_IMAGE, "captured/sequence_dockerimage_upfail"),
    RealLine(
        "failed to solve: savonet/liquidsoap:latest: failed to resolve source metadata for "
        "docker.io/savonet/liquidsoap:latest: "
        "docker.io/savonet/liquidsoap:latest: not found",
        NO_IMAGE,
        "https://github.com/savonet/liquidsoap/issues/4427",
    ),
    RealLine("no matching manifest for linux/amd64 in the manifest list entries", PLATFORM, f"{COOLIFY}7246"),
    RealLine(
        "exec /usr/local/bin/docker-php-serversideup-entrypoint: exec format error",
        PLATFORM,
        f"{COOLIFY}6270",
    ),
    RealLine(
        f"{DOCKER_ERROR}pull access denied for xxx/yyy, repository does not exist or may require 'docker "
        "login': "
        "denied: requested access to the resource is denied",
        REFUSED,
        f"{COOLIFY}6398",
    ),
    RealLine(
        f'{DOCKER_ERROR}Head "https://ghcr.io/v2/xxxx/xxxx/manifests/latest": unauthorized',
        REFUSED,
        f"{COOLIFY}4604",
    ),
    RealLine(
        "#2 ERROR: failed to authorize: failed to fetch oauth token: unexpected status from GET request to "
        "https://ghcr.io/token?scope=repository%3Arailwayapp%2Fnixpacks%3Apull&service=ghcr.io: 403 "
        "Forbidden",
        REFUSED,
        f"{COOLIFY}5575",
    ),
    RealLine(
        "ERROR: failed to build: failed to solve: ResourceExhausted: failed to read dockerfile: failed to "
        "create temp dir: "
        "mkdir /var/lib/docker/tmp/buildkit-mount2667628103: no space left on device",
        DISK,
        "https://github.com/serverless/containers/issues/19",
    ),
    RealLine(
        "npm ERR! nospc ENOSPC: no space left on device, write",
        DISK,
        "https://github.com/NodeOS/NodeOS/issues/365",
    ),
    RealLine(
        "#12 72.14 FATAL ERROR: Ineffective mark-compacts near heap limit Allocation failed - JavaScript "
        "heap out of memory",
        HEAP,
        "https://github.com/stackblitz-labs/bolt.diy/pull/1231",
    ),
    RealLine(
        'failed to solve: executor failed running [/bin/sh -c BASE_URL="__BASEURL__" node build.js --gzip '
        "${CLIENT_BUILD_ARGS}]: "
        "exit code: 137",
        KILLED,
        "https://github.com/rr-/szurubooru/issues/518",
    ),
    RealLine(
        "The command '/bin/sh -c npm install' returned a non-zero code: 137",
        KILLED,
        "https://github.com/Matterwiki/Matterwiki/issues/121",
    ),
    RealLine("#0 14.91 Killed", KILLED, "https://github.com/rr-/szurubooru/issues/518"),
    RealLine("npm ERR! errno 137", KILLED, "https://github.com/nimiq/core-js/issues/295"),
    RealLine(
        "process didn't exit successfully: `rustc --crate-name lumen --edition=2018` (signal: 9, SIGKILL: "
        "kill)",
        KILLED,
        "https://github.com/naim94a/lumen/issues/28",
    ),
    RealLine(
        "exit code 137: #1 step 1", KILLED, "coolify-api 7.4 and 17.1 row 23, as without_commands tells it"
    ),
    RealLine(
        f"{DOCKER_ERROR}driver failed programming external connectivity on endpoint l484ccc-proxy (492c29): "
        "Bind for 0.0.0.0:6543 failed: port is already allocated",
        PORT,
        f"{COOLIFY}4749",
    ),
    RealLine(
        f"{DOCKER_ERROR}driver failed programming external connectivity on endpoint nginx (b05d13): "
        "Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use",
        PORT,
        "https://github.com/docker/compose/issues/3277",
    ),
    RealLine(
        "required variable NPM_DB_ROOT_PASSWORD is missing a value: error message",
        VARIABLE,
        "https://github.com/docker/compose/issues/10293",
    ),
    RealLine(
        'invalid interpolation format for services.grafana.command: "required variable MYSQL_PASSWORD is '
        'missing a value: err". '
        "You may need to escape any $ with another $",
        VARIABLE,
        "https://github.com/grafana-cold-storage/oncall/pull/154",
    ),
    RealLine(
        "14.02 error: Environment variable not found: DATABASE_URL.",
        VARIABLE,
        "https://github.com/Refferq/Refferq/issues/15",
    ),
    RealLine(
        "Error: Schema parsing error: Environment variable not found: POSTGRESQL_URL.",
        VARIABLE,
        "https://github.com/prisma/prisma-examples/issues/916",
    ),
    RealLine("#11 3.667 Error: Invalid environment variables", VARIABLES, f"{COOLIFY}7120"),
    RealLine(
        "#15 0.767 ❌ Invalid environment variables:",
        VARIABLES,
        "https://github.com/t3-oss/create-t3-app/issues/301",
    ),
    RealLine(
        "0.742 npm error `npm ci` can only install packages when your package.json and package-lock.json or "
        "npm-shrinkwrap.json "
        "are in sync. Please update your lock file with `npm install` before continuing.",
        LOCK,
        "https://github.com/requinDr/tsukiweb-public/issues/109",
    ),
    RealLine(
        "#14 1.849 error Your lockfile needs to be updated, but yarn was run with `--frozen-lockfile`.",
        LOCK,
        "https://github.com/willson-wang/Blog/issues/98",
    ),
    RealLine(
        "➤ YN0028: │ The lockfile would have been modified by this install, which is explicitly forbidden.",
        LOCK,
        "https://github.com/suitenumerique/docs/issues/2604",
    ),
    RealLine(
        (
            ' ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with "frozen-lockfile" because pnpm-lock.yaml is '
            "not up to date with package.json"
        ),
        LOCK,
        "https://github.com/vercel/vercel/issues/8272",
    ),
    RealLine(
        " ERR_PNPM_FROZEN_LOCKFILE_WITH_OUTDATED_LOCKFILE  Cannot perform a frozen installation because the "
        "lockfile needs updates",
        LOCK,
        "https://github.com/pnpm/pnpm/issues/6307",
    ),
    RealLine(
        "0.203 error: lockfile had changes, but lockfile is frozen",
        LOCK,
        "https://github.com/Soul-Brews-Studio/maw-js/issues/607",
    ),
    RealLine(
        "#10 4.663 pyproject.toml changed significantly since poetry.lock was last generated. Run `poetry "
        "lock` to fix the lock file.",
        LOCK,
        "https://github.com/bghira/SimpleTuner/issues/1501",
    ),
    RealLine(
        "You are trying to install in deployment mode after changing",
        LOCK,
        "https://github.com/onetimesecret/onetimesecret/pull/180",
    ),
    RealLine(
        "error: the lock file /home/seth/repos/theseus/Cargo.lock needs to be updated but --locked was "
        "passed to prevent this",
        LOCK,
        "https://github.com/modrinth/code/issues/679",
    ),
    RealLine(
        "cmd/apg/registry_service.go:9:2: missing go.sum entry for module providing package "
        "github.com/spf13/viper; to add:",
        LOCK,
        "https://github.com/apigee/registry/issues/336",
    ),
    RealLine(
        "go: github.com/Microsoft/go-winio@v0.5.2: missing go.sum entry; to add it:",
        LOCK,
        "https://github.com/metal3d/docker-domains/issues/1",
    ),
    RealLine(
        (
            'error next@14.0.3: The engine "node" is incompatible with this module. Expected version '
            '">=18.17.0". Got "18.16.0"'
        ),
        VERSION,
        "https://github.com/makeplane/plane/issues/3369",
    ),
    RealLine(
        " ERR_PNPM_UNSUPPORTED_ENGINE  Unsupported environment (bad pnpm and/or Node.js version)",
        VERSION,
        "https://github.com/pnpm/pnpm/issues/7349",
    ),
    RealLine(
        "1.588 Your Ruby version is 3.3.5, but your Gemfile specified 3.3.2",
        VERSION,
        "https://github.com/basecamp/kamal/issues/1081",
    ),
    RealLine(
        "#20 54.48 error: package `pyrsia v0.2.4 (/src)` cannot be built because it requires rustc 1.66.1 "
        "or newer, "
        "while the currently active rustc version is 1.64.0",
        VERSION,
        "https://github.com/pyrsia/pyrsia/issues/1616",
    ),
    RealLine(
        "#25 0.058 go: go.mod requires go >= 1.25.0 (running go 1.24.13; GOTOOLCHAIN=local)",
        VERSION,
        "https://github.com/projectdiscovery/dnsx/issues/1025",
    ),
    RealLine("npm ERR! code ETARGET", NO_PACKAGE, "https://github.com/npm/cli/issues/3111"),
    RealLine(
        "npm ERR! notarget No matching version found for @babel/traverse@^7.13.17.",
        NO_PACKAGE,
        "https://github.com/npm/cli/issues/3111",
    ),
    RealLine(
        "npm ERR! 404 Not Found: awesome-code-style@1.4.3",
        NO_PACKAGE,
        "https://github.com/apache/druid/issues/8920",
    ),
    RealLine(
        "#12 7.814 ERROR: No matching distribution found for cloud-init==20.4",
        NO_PACKAGE,
        "https://github.com/docker/docs/issues/12736",
    ),
    RealLine(
        'error Couldn\'t find any versions for "code-server" that matches ".4.1"',
        NO_PACKAGE,
        "https://github.com/linuxserver/docker-code-server/issues/34",
    ),
    RealLine("1.930 npm error code ERESOLVE", CONFLICT, "https://github.com/J-Schoepplenberg/royce/issues/4"),
    RealLine(
        "Your requirements could not be resolved to an installable set of packages.",
        CONFLICT,
        "https://github.com/RobLoach/docker-composer/issues/103",
    ),
    RealLine(
        "0.454 Your lock file does not contain a compatible set of packages. Please run composer update.",
        CONFLICT,
        "https://github.com/a13xh7/QaraTMS/issues/55",
    ),
    RealLine(
        "npm ERR! missing script: build", SCRIPT, "https://github.com/Tarnadas/net64plus-server/issues/4"
    ),
    RealLine(
        "target scheduler: failed to solve: failed to read dockerfile: open Dockerfile: no such file or "
        "directory",
        NO_DOCKERFILE,
        "https://github.com/relaticle/relaticle/issues/250",
    ),
    RealLine(
        "failed to solve with frontend dockerfile.v0: failed to create LLB definition: "
        "dockerfile parse error line 4: ARG names can not be blank",
        DOCKERFILE,
        f"{COOLIFY}701",
    ),
    RealLine(
        "#6 ERROR: failed to calculate checksum of ref "
        "400f7f63-7e9a-4baa-96e4-37415a6329aa::vr448e72djkm4407e1bwmh2pm: "
        '"/.nixpacks/nixpkgs-e05605ec414618eab4a7a6aea8b38f6fbbcc8f08.nix": not found',
        COPIED,
        f"{COOLIFY}3981",
    ),
    RealLine(
        (
            'ERROR: failed to solve: process "/bin/bash -ol pipefail -c npm run build" did not complete '
            "successfully: exit code: 127"
        ),
        NO_COMMAND,
        f"{COOLIFY}2923",
    ),
    RealLine(
        f"{DOCKER_ERROR}failed to create task for container: failed to create shim task: OCI runtime create "
        "failed: runc create failed: "
        'unable to start container process: exec: "./docker/docker-entrypoint.sh": stat '
        "./docker/docker-entrypoint.sh: "
        "no such file or directory: unknown.",
        NO_START,
        "https://github.com/whyour/qinglong/issues/2567",
    ),
    RealLine(
        f"{DOCKER_ERROR}OCI runtime create failed: container_linux.go:346: starting container process "
        'caused "exec: \\"-v\\": '
        'executable file not found in $PATH": unknown.',
        NO_START,
        "https://github.com/docker/for-mac/issues/4116",
    ),
    RealLine(
        "Error: No start command could be found",
        NO_START_COMMAND,
        "the phrase in public source files; nixpacks' own since railwayapp/nixpacks#547",
    ),
    RealLine(
        "Nixpacks failed to detect the application type. Please check the documentation of Nixpacks: "
        "https://nixpacks.com/docs/providers",
        NIXPACKS,
        f"{COOLIFY}7060",
    ),
    RealLine(
        "Nixpacks was unable to generate a build plan for this app.",
        NIXPACKS,
        "https://github.com/jasonakatiff/theleadrouter-ad-studio/issues/1",
    ),
    RealLine("Docker Compose file not found at: /docker-compose.yaml", NO_COMPOSE, f"{COOLIFY}2962"),
    RealLine(
        'service "financial_service" depends on undefined service "prisma-service": invalid compose project',
        COMPOSE,
        f"{COOLIFY}6447",
    ),
    RealLine(
        "yaml: line 25: mapping values are not allowed in this context",
        COMPOSE,
        "https://github.com/danny-avila/LibreChat/issues/6278",
    ),
    RealLine("exit code 1: no service selected", COMPOSE, f"{COOLIFY}10729"),
    RealLine("18.30 npm error git@github.com: Permission denied (publickey).", PRIVATE, f"{COOLIFY}6741"),
    RealLine("fatal: Remote branch main not found in upstream origin", BRANCH, f"{COOLIFY}4584"),
    RealLine(
        "fatal: unable to access 'https://github.com/myorg/repo.git/': Could not resolve host: github.com",
        GIT_HOST,
        f"{COOLIFY}4318",
    ),
    RealLine("fatal: Could not read from remote repository.", GIT, f"{COOLIFY}3517"),
    RealLine(
        "exit code 128: fatal: unable to access 'https://gitea.public.domain/bleterrier/PRA/': The "
        "requested URL returned error: 403",
        GIT,
        f"{COOLIFY}6400",
    ),
    RealLine(
        "fatal: could not read Username for 'https://github.com': No such device or address",
        GIT,
        "https://github.com/markomarkovic/simple-php-git-deploy/issues/8",
    ),
    RealLine(
        "fatal: Authentication failed for 'https://github.com/lovanwubing/jqplot.git/'",
        GIT,
        "https://github.com/zj1947/AdbShellCommand/issues/2",
    ),
    RealLine(
        "fatal: repository 'https://github.com:443/perfectcommerce/webprocure.git/' not found",
        GIT,
        "https://github.com/mislav/hub/issues/1402",
    ),
    RealLine(
        "ssh: connect to host host.docker.internal port 22: Connection refused",
        SSH,
        "captured/sequence_ssh_down",
    ),
    RealLine(
        "exit code 255: ssh: connect to host host.docker.internal port 22: Connection refused\r",
        SSH,
        "captured/sequence_ssh_flaky",
    ),
    RealLine("devops@188.x.x.x: Permission denied (publickey,password).", SSH, f"{COOLIFY}5284"),
    RealLine("kex_exchange_identification: Connection closed by remote host", SSH, f"{COOLIFY}2194"),
    RealLine("Server is not functional.", SERVER, "coolify-api 7.4"),
    RealLine(
        '6.831 error An unexpected error occurred: "https://registry.yarnpkg.com/@emotion/react/-/'
        "react-11.11.1.tgz: "
        'getaddrinfo EAI_AGAIN registry.yarnpkg.com".',
        DNS,
        "https://github.com/AykutSarac/jsoncrack.com/issues/347",
    ),
    RealLine(
        "cURL error 6: Could not resolve host: api.github.com (see "
        "https://curl.haxx.se/libcurl/c/libcurl-errors.html) "
        "for https://api.github.com/zen",
        DNS,
        f"{COOLIFY}5745",
    ),
    RealLine(
        "W: Failed to fetch http://deb.debian.org/debian/dists/buster/InRelease  Temporary failure "
        "resolving 'deb.debian.org'",
        DNS,
        "https://github.com/alexbers/mtprotoproxy/issues/212",
    ),
    RealLine(
        f"{DOCKER_ERROR}Get https://registry-1.docker.io/v2/: dial tcp: lookup registry-1.docker.io on "
        "10.0.2.3:53: "
        "read udp 10.0.2.15:54567->10.0.2.3:53: i/o timeout",
        DNS,
        "https://github.com/docker-archive-public/docker.kitematic/issues/4347",
    ),
    RealLine(
        f'{DOCKER_ERROR}Get "https://registry-1.docker.io/v2/": net/http: TLS handshake timeout',
        SLOW,
        "https://github.com/SuziKim/DCCW/issues/1",
    ),
    RealLine(
        "Pre-deployment command: Could not find a valid container. Is the container name correct?",
        PRE,
        "JOB::run_pre_deployment_command",
    ),
    RealLine(
        "App\\Jobs\\ApplicationDeploymentJob has been attempted too many times.", TIMEOUT, f"{COOLIFY}4944"
    ),
    RealLine(
        "App\\Jobs\\ApplicationDeploymentJob has timed out.",
        TIMEOUT,
        "Illuminate\\Queue\\TimeoutExceededException::forJob",
    ),
    RealLine('string" exceeded the timeout of 3600 seconds.', TIMEOUT, f"{COOLIFY}6935"),
    RealLine("exit code 1: unable to upgrade to tcp, received 409", DOCKER, f"{COOLIFY}11522"),
]

# Lines that only look like a failure: a test's name, a mention, another number, a warning, a quoted command.
LOOKALIKES = [
    (
        HELPER,
        f'docker: {DOCKER_ERROR}Head "https://ghcr.io/v2/coollabsio/coolify-helper/manifests/1.0.11": EOF',
    ),
    (RATE, "retries when the registry says toomanyrequests"),
    (NO_IMAGE, "docs: explain manifest unknown in the README"),
    (NO_IMAGE, "✓ should pass on: manifest unknown (3 ms)"),
    (PLATFORM, "found a matching manifest for linux/arm64"),
    (REFUSED, "tells the user when pull access is denied"),
    (REFUSED, "src/login.ts: 401 unauthorized is handled"),
    (DISK, "✓ should handle ENOSPC (4 ms)"),
    (DISK, "Error: ENOSPC: System limit for number of file watchers reached, watch '/app'"),
    (DISK, "1) writes on: no space left on device"),
    (DISK, '#7 [4/9] RUN echo "error: no space left on device"'),
    (
        DISK,
        (
            'ERROR: failed to solve: process "/bin/sh -c echo x: no space left on device" did not complete '
            "successfully: exit code: 1"
        ),
    ),
    (HEAP, "warning: a JavaScript heap out of memory was seen before"),
    (KILLED, "ERROR: failed to solve: process x did not complete successfully: exit code: 1370"),
    (KILLED, "AssertionError: expected exit code 137"),
    (KILLED, "exit code 13: 7 tests failed"),
    (KILLED, "Killed process 12 by the test"),
    (PORT, "Error: listen EADDRINUSE: address already in use :::3000"),
    (
        VARIABLE,
        (
            'time="2024-03-14T15:06:00Z" level=warning msg="The "SERVICE_USER" variable is not set. '
            'Defaulting to a blank string."'
        ),
    ),
    (VARIABLE, "✓ throws Environment variable not found: DATABASE_URL"),
    (VARIABLES, "✓ prints Invalid environment variables"),
    (LOCK, "npm warn old lockfile The package-lock.json file was created with an old version of npm"),
    (LOCK, "info No lockfile found."),
    (
        VERSION,
        (
            'info phantom@4.0.12: The engine "node" is incompatible with this module. Expected version '
            '">=8". Got "6.14.4"'
        ),
    ),
    (VERSION, "npm warn EBADENGINE Unsupported engine {"),
    (NO_PACKAGE, "npm http fetch GET 404 https://registry.npmjs.org/x 83ms"),
    (CONFLICT, "npm warn ERESOLVE overriding peer dependency"),
    (SCRIPT, "npm notice Missing script: see the docs"),
    (NO_DOCKERFILE, "cat: Dockerfile: No such file or directory"),
    (DOCKERFILE, "#1 [internal] load build definition from Dockerfile"),
    (COPIED, '"/app/public": not found in the cache, computing it'),
    (NO_COMMAND, "ERROR: failed to solve: process x did not complete successfully: exit code: 1270"),
    (NO_COMMAND, "/bin/sh: pnpm: not found"),
    (NO_START, "which: executable file not found"),
    (NO_START_COMMAND, "Nixpacks: no start command given, the detected one is used"),
    (NIXPACKS, "Found application type: node."),
    (NO_COMPOSE, "Dockerfile not found for service web at web/Dockerfile, skipping ARG injection."),
    (COMPOSE, "lint yaml: line 3 is too long"),
    (PRIVATE, "npm error EACCES: permission denied, mkdir '/root/.npm'"),
    (BRANCH, "Switched to a new branch 'main', tracking origin/main"),
    (GIT_HOST, "curl: (6) Could not resolve host: api.example.com"),
    (GIT, "fatal: not a git repository (or any of the parent directories): .git"),
    (SSH, "git@github.com: Permission denied (publickey)."),
    (SSH, "chmod: /root/.ssh: Permission denied"),
    (SERVER, "Server is functional."),
    (DNS, "✓ falls back after getaddrinfo EAI_AGAIN"),
    (SLOW, "Error: connect ETIMEDOUT 10.0.0.5:5432"),
    (PRE, "Executing pre-deployment command (see debug log for output/errors)."),
    (TIMEOUT, "Error: Timeout of 5000ms exceeded."),
    (DOCKER, "received 409 from the API: name is taken"),
]
SENTENCES = [failure.sentence for failure in KNOWN_FAILURES]


def key_of(sentence: str) -> str:
    [key] = [key for key in {key for _, key, _ in REAL_LINES} if key in sentence]
    return key


@pytest.mark.parametrize(("line", "key", "source"), REAL_LINES)
@pytest.mark.parametrize("shown", [True, False])
def test_real_line_is_recognized(line: str, key: str, source: str, *, shown: bool) -> None:
    assert source
    assert key_of(match(line, shown=shown)) == key
    assert key_of(match(f"before\n{line}\nafter", shown=shown)) == key


@pytest.mark.parametrize(("key", "line"), LOOKALIKES)
def test_lookalike_is_not_recognized(key: str, line: str) -> None:
    assert match(line, shown=True) == ""
    assert match(f"before\n{line}\nafter", shown=False) == ""


def test_each_known_failure_has_a_real_line_and_a_lookalike() -> None:
    assert {match(line, shown=False) for line, _, _ in REAL_LINES} == set(SENTENCES)
    assert sorted(map(key_of, SENTENCES)) == sorted({key for key, _ in LOOKALIKES})
    assert all(
        re.fullmatch(r"[^\n]{1,170}\.", sentence) for sentence in [*SENTENCES, known_failures.PRE_COMMAND]
    )


# --- which line is used

NPM_CI = (
    "npm error `npm ci` can only install packages when your package.json and package-lock.json are in sync."
)
FULL = "write /app/x: no space left on device"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        pytest.param(f"{FULL}\n{NPM_CI}", LOCK, id="last-one"),
        pytest.param(f"{NPM_CI}\n{FULL}", DISK, id="last-one-in-other-order"),
        pytest.param("\n".join([FULL, *["x"] * 149]), DISK, id="near-end"),
        pytest.param("\n".join([FULL, *["x"] * 150]), "", id="not-long-before-end"),
        pytest.param(
            "\n".join([NPM_CI, *[f"npm error Missing: p{n}@1 from lock file" for n in range(99)]]),
            LOCK,
            id="above-the-npm-list",
        ),
        pytest.param(
            f"#5 1.0 {NPM_CI}\n#6 ERROR: process x did not complete\n#6 1.1 no idea",
            "",
            id="in-a-successful-step",
        ),
        pytest.param(
            f"#5 1.0 {NPM_CI}\n#5 ERROR: process x did not complete\n#6 1.1 {FULL}",
            LOCK,
            id="in-the-failing-step",
        ),
        pytest.param(f"{'x' * 9000}: {FULL}", DISK, id="end-of-a-long-line"),
        pytest.param(f"{FULL}\r\n\r\n", DISK, id="with-carriage-returns"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_last_line_with_a_known_failure_is_used(text: str, key: str) -> None:
    sentence = match(text, shown=True)
    assert (key_of(sentence) if sentence else "") == key


def test_megabytes_without_a_known_failure_are_searched_fast() -> None:
    line = 'failed to authorize: failed to fetch oauth token: process "' * 2000
    assert match("\n".join([line] * 200), shown=True) == ""


def test_variable_is_named_only_for_a_visible_line() -> None:
    line = "error: Environment variable not found: DATABASE_URL."
    rest = "is missing. Add it in Coolify or with `env`; a build only sees build variables."
    assert match(line, shown=True) == f"The environment variable DATABASE_URL {rest}"
    assert match(line, shown=False) == f"An environment variable {rest}"


# --- in a deployment's log

RULER = "========================================"
CLOSED = "Deployment failed. Removing the new version of your application."
BUILDING = "Building docker image started."
LINK = f"{BASE}{body('deployment_get_finished')['deployment_url']}"
MORE = f"Its hidden log lines may contain the reason: set `hidden_logs: true` or open {LINK}."
NO_GIT = (
    "ssh: connect to host git.example.com port 2222: Operation timed out\nfatal: Could not read from "
    "remote repository."
)
TOO_LONG = "exceeded the timeout of 3600 seconds."
COMMAND_FAILED = (
    "Deployment failed: Command execution failed (exit code 1): docker exec x bash -c "
    "'TOKEN=mArKeD npm ci'\nError: it broke"
)


def reason(*texts: str | Row, **changes: Any) -> str:
    return deployment.snapshot_of(ended("failed", *texts, **changes), BASE).reason


def hidden(text: str) -> Row:
    return entry(text, command="docker exec x bash -c 'cat /artifacts/build.sh'", hidden=True)


SENTENCE_BY_KEY = {key: sentence for sentence in SENTENCES for key in [key_of(sentence)]}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param(
            ["Deployment failed: Server is not functional."],
            f"{SENTENCE_BY_KEY[SERVER]}\nServer is not functional.",
            id="sentence-then-log-line",
        ),
        pytest.param(
            [COMMAND_FAILED.replace("it broke", f"{FULL}\n" + "\n".join(map(str, range(40))))],
            "\n".join([SENTENCE_BY_KEY[DISK], *map(str, range(25, 40))]),
            id="above-the-shown-lines",
        ),
        pytest.param(
            [BUILDING, hidden(f"sEcReT {NPM_CI}"), hidden(NPM_CI), COMMAND_FAILED],
            f"{SENTENCE_BY_KEY[LOCK]}\nexit code 1: it broke",
            id="hidden",
        ),
        pytest.param(
            [BUILDING, hidden(NPM_CI), RULER, COMMAND_FAILED],
            f"{SENTENCE_BY_KEY[LOCK]}\nexit code 1: it broke",
            id="hidden-above-rule",
        ),
        pytest.param(
            [hidden(NPM_CI), BUILDING, hidden("fine"), COMMAND_FAILED],
            f"exit code 1: it broke\n{MORE}",
            id="hidden-in-a-successful-step",
        ),
        pytest.param(
            [BUILDING, COMMAND_FAILED, hidden(NPM_CI)],
            "exit code 1: it broke",
            id="hidden-and-followed-by-output",
        ),
        pytest.param(
            [BUILDING, hidden(NPM_CI), COMMAND_FAILED.replace("it broke", FULL)],
            f"{SENTENCE_BY_KEY[DISK]}\nexit code 1: {FULL}",
            id="visible-lines-come-first",
        ),
        pytest.param(
            [BUILDING, hidden("npm error it broke"), COMMAND_FAILED],
            f"exit code 1: it broke\n{MORE}",
            id="unknown-with-hidden-lines",
        ),
        pytest.param(
            [BUILDING, hidden("x")],
            f"Coolify reports no reason. The last lines of its log:\n{BUILDING}\n{MORE}",
            id="no-reason",
        ),
        pytest.param([hidden("x")], MORE, id="only-hidden-ones"),
        pytest.param([BUILDING, COMMAND_FAILED], "exit code 1: it broke", id="unknown-without-hidden-lines"),
        pytest.param(
            [
                "Executing pre-deployment command (see debug log for output/errors).",
                hidden("SQLSTATE[HY000]"),
                COMMAND_FAILED,
            ],
            f"{known_failures.PRE_COMMAND}\nexit code 1: it broke",
            id="pre-deployment-command",
        ),
        pytest.param(
            [
                "Executing pre-deployment command (see debug log for output/errors).",
                hidden(FULL),
                COMMAND_FAILED,
            ],
            f"{SENTENCE_BY_KEY[DISK]}\nexit code 1: it broke",
            id="pre-deployment-command-known-failure",
        ),
        pytest.param(
            [
                "Executing pre-deployment command (see debug log for output/errors).",
                BUILDING,
                hidden("x"),
                COMMAND_FAILED,
            ],
            f"exit code 1: it broke\n{MORE}",
            id="after-a-successful-pre-deployment-command",
        ),
        pytest.param(
            [
                "New container is unhealthy.",
                "Container logs:",
                entry("error: Environment variable not found: A_B.", command="docker logs x"),
            ],
            "The environment variable A_B is missing. Add it in Coolify or with `env`; a build only sees "
            "build variables.\n"
            "New container is unhealthy.\nContainer logs:\nerror: Environment variable not found: A_B.",
            id="in-the-log-of-an-unhealthy-container",
        ),
        pytest.param(
            [
                BUILDING,
                hidden("x"),
                "Oops something is not okay, are you okay? 😢",
                "fatal: Remote branch main not found in upstream origin",
            ],
            f"{SENTENCE_BY_KEY[BRANCH]}\nfatal: Remote branch main not found in upstream origin",
            id="before-beta443",
        ),
        pytest.param(
            [
                BUILDING,
                hidden("x"),
                "Oops something is not okay, are you okay? 😢",
                "it broke",
                CLOSED,
                hidden("y"),
            ],
            f"it broke\n{MORE}",
            id="before-beta443-unknown-reason",
        ),
        pytest.param(
            [BUILDING, "Oops something is not okay, are you okay? 😢", CLOSED],
            f"Coolify reports no reason. The last lines of its log:\n{BUILDING}\nOops something is not "
            f"okay, are you okay? 😢\n{CLOSED}",
            id="before-beta443-without-reason",
        ),
        pytest.param(
            [BUILDING, hidden(NPM_CI)],
            f"{SENTENCE_BY_KEY[LOCK]}\nThe last lines of its log:\n{BUILDING}",
            id="no-reason-but-known-failure",
        ),
        pytest.param(
            [f"Deployment failed: {NO_GIT}"],
            f"{SENTENCE_BY_KEY[GIT]}\n{NO_GIT}",
            id="ssh-to-git",
        ),
        pytest.param(
            [
                (
                    "Deployment failed: The process \"timeout 3600 ssh -p 22 root@ip 'bash -se' << "
                    f'\\k\nTOKEN=mArKeD x\nk" {TOO_LONG}'
                )
            ],
            f"{SENTENCE_BY_KEY[TIMEOUT]}\nits command {TOO_LONG}",
            id="timed-out-command-is-left-out",
        ),
    ],
)
def test_known_failure_comes_before_the_last_lines(entries: list[str | Row], expected: str) -> None:
    assert reason(*entries) == expected
    assert "mArKeD" not in expected


def test_hidden_lines_are_never_shown() -> None:
    for line, _, _ in REAL_LINES:
        expected = reason(BUILDING, hidden(f"sEcReT\n{line}\nsEcReT"), "Deployment failed: x")
        assert (expected.split("\n")[1:], "sEcReT" in expected) == (["x"], False)
        assert expected.split("\n")[0] in SENTENCES


def test_without_a_link_only_the_input_is_named() -> None:
    assert (
        reason(BUILDING, hidden("x"), COMMAND_FAILED, deployment_url=None)
        == "exit code 1: it broke\nIts hidden log lines may contain the reason: set `hidden_logs: true`."
    )
    assert failure.failure_reason(None) == ""


# --- every captured failure

UP = "exit code 18: Error response from daemon: manifest unknown"
BUILD = (
    'ERROR: failed to solve: process "/bin/sh -c npm run build" did not complete successfully: exit code: 1'
)
OOPS = "Post-deployment command: Could not find a valid container. Is the container name correct?"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sequence_dockerimage_upfail", f"{SENTENCE_BY_KEY[NO_IMAGE]}\n{UP}"),
        ("sequence_nixpacks_buildfail", f"exit code 1: #1 step 1\n#2 step 2\n#3 step 3\n{BUILD}\nMORE"),
        (
            "sequence_ssh_down",
            f"{SENTENCE_BY_KEY[SSH]}\nssh: connect to host host.docker.internal port 22: Connection refused",
        ),
        ("sequence_healthcheck_unhealthy", "New container is unhealthy. It wrote no log."),
        ("v4.0.0-beta.434_sequence_post_command_fails", f"{SENTENCE_BY_KEY[PRE]}\n{OOPS}"),
    ],
)
def test_reasons_of_the_captured_failures(name: str, expected: str) -> None:
    row = polls(name)[-1]
    page = f"{BASE}{row['deployment_url']}"
    assert deployment.snapshot_of(row, BASE).reason == expected.replace(
        "MORE", f"Its hidden log lines may contain the reason: set `hidden_logs: true` or open {page}."
    )


STARTING = """\
New container is not healthy: its health check was still starting after 3 attempts. \
Allow more time (start period, retries) in Coolify, or fix the check.
Healthcheck logs: probe output starting | Return code: 1
Container logs:
2026-12-01T00:00:00Z app listening on 3000"""
BAD_KEY = (
    "Warning: Identity file /var/www/html/storage/app/ssh/keys/ssh_key@fumfx4wzsna0bq22diwesw1s not "
    "accessible: "
    "No such file or directory.\n"
    "root@127.0.0.1: Permission denied (publickey,keyboard-interactive)."
)
NO_TOML = (
    'Syntax error: unexpected token "T_UNQUOTED_KEY" at line 5 with value "cmds". Expected T_NEWLINE '
    "or T_EOS."
)


def recorded_in_second(name: str) -> Any:
    """The response of an exchange in the second recording of real servers."""
    return json.loads((CAPTURED / f"{name}.json").read_text("utf-8"))


def test_health_check_that_stays_starting_is_unhealthy_with_the_container_log() -> None:
    row = recorded_in_second("sequence_health_starting")["responses"][-1]["body"]
    assert (row["status"], "New container is unhealthy." in row["logs"]) == ("failed", False)
    assert deployment.snapshot_of(row, BASE).reason == STARTING


@pytest.mark.parametrize(
    ("number", "records", "expected"),
    [
        pytest.param(1, "rollback_rows_read", f"{SENTENCE_BY_KEY[SSH]}\n{BAD_KEY}", id="ssh"),
        pytest.param(22, "rollback_rows_git_read", f"{NO_TOML}\nMORE", id="exception"),
    ],
)
def test_reason_after_the_old_exclamation_is_used(number: int, records: str, expected: str) -> None:
    """Real records of beta.420."""
    row = next(
        each
        for each in recorded_in_second(f"v4.0.0-beta.420/{records}")["response"]["body"]["deployments"]
        if each["id"] == number
    )
    page = f"{BASE}{row['deployment_url']}"
    assert deployment.snapshot_of(row, BASE).reason == expected.replace(
        "MORE", f"Its hidden log lines may contain the reason: set `hidden_logs: true` or open {page}."
    )


@pytest.mark.parametrize("name", ["sequence_nixpacks_buildfail"])
def test_shown_hidden_lines_are_not_suggested(name: str) -> None:
    expected = deployment.snapshot_of(polls(name)[-1], BASE, hidden_shown=True).reason
    assert expected == f"exit code 1: #1 step 1\n#2 step 2\n#3 step 3\n{BUILD}"


@pytest.mark.parametrize(
    "name", ["sequence_post_command_fails", "sequence_ssh_flaky", "sequence_healthcheck_healthy"]
)
def test_captured_deployments_without_failure_have_no_reason(name: str) -> None:
    row = polls(name)[-1]
    assert row["status"] == "finished"
    assert not any(sentence in deployment.snapshot_of(row, BASE).reason for sentence in SENTENCES)
