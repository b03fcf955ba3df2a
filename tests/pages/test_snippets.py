"""Every snippet in README.md and docs/ is checked, and every link leads to a page that exists."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import certifi
import pytest
from check_jsonschema import main as check_schema  # type: ignore[import-untyped]

from deployer import PROJECT, __version__
from deployer.main import GROUPS, _select_provider, _simulator
from deployer.model import Outcome, Target
from deployer.report.target_report import DOTENV_PREFIX, OUTPUTS, TargetReport, result
from deployer.settings import Common, RawInputs, declared, look_up, variables_of
from tests.pages import snippets as pages
from tests.pages.snippets import (
    GITHUB,
    IDENTITY,
    INPUTS,
    PAGES,
    PROJECT_VARIABLES,
    Snippet,
    expanded,
    filled,
    parsed,
)
from tests.scenarios.rehearsals import outputs, run_rehearsal
from tools import docs, release

ACTION = re.compile(rf"{re.escape(PROJECT)}(/composite)?@v\d+")
IMAGE = re.compile(rf"{re.escape(docs.IMAGE)}:\d+")
LOGINS: dict[bool, dict[str, str]] = {
    False: {"coolify_url": "https://coolify.example.com", "coolify_token": GITHUB["secrets.COOLIFY_TOKEN"]},
    True: {
        "cf_api": "https://api.example.com",
        "cf_assertion": IDENTITY,
        "cf_org": "acme",
        "cf_space": "production",
        "cf_app": "web",
    },
}
"""The login that a fragment leaves out, by whether it is about Cloud Foundry."""

FILES = {
    ".env.production": "CURRENCY=EUR\n",
    "ca.pem": Path(certifi.where()).read_text("utf-8").partition("-----END")[0],
}
NOT_INPUTS = {
    *(
        "cancel-in-progress",
        "continue-on-error",
        "id-token",
        "if",
        "permissions",
        "timeout-minutes",
        "url",
        "uses",
    ),  # GitHub
    *("platforms",),  # GitHub's actions
    *("interruptible", "resource_group"),  # GitLab
}
"""Names that appear with a value and are not inputs."""

VARIABLES = {variable for name, _, spelling in declared(GROUPS) for variable in variables_of(name, spelling)}


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the files that snippets name."""
    certificate = FILES["ca.pem"] + "-----END CERTIFICATE-----\n"
    for name, text in {**FILES, "ca.pem": certificate[certificate.index("-----BEGIN") :]}.items():
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("snippet", list(pages.snippets()), ids=str)
def test_snippet_is_valid(snippet: Snippet, workspace: Path) -> None:
    match snippet.language:
        case "yaml":
            _check_yaml(snippet, parsed(snippet.text), workspace)
        case "sh":
            for line in snippet.text.replace("\\\n", " ").splitlines():
                _check_command(line)
        case "json":
            _check_result(parsed(snippet.text))
        case language:
            pytest.fail(f"there is no check for snippets in {language or 'no language'}")


# --- YAML


def _check_yaml(snippet: Snippet, data: dict[str, Any], workspace: Path) -> None:
    """Check a workflow, a GitLab pipeline, or inputs that belong under `with`."""
    if "jobs" in data:
        _check_schema("github-workflows", snippet.text, workspace)
        for job in data["jobs"].values():
            _check_job(job, workspace)
    elif set(data) <= {"concurrency"}:
        _check_schema(
            "github-workflows",
            f"on: push\njobs: {{ a: {{ runs-on: a, steps: [run: a] }} }}\n{snippet.text}",
            workspace,
        )
    elif set(data) <= INPUTS:
        cloudfoundry = data.get("provider") == "cloudfoundry" or any(name.startswith("cf_") for name in data)
        uuid = (
            {} if cloudfoundry or {"uuid", "tag", "create"} & set(data) else {"uuid": "your-application-uuid"}
        )
        _check_inputs({**LOGINS[cloudfoundry], **uuid, **data})
    elif "jwt_creds" in data:
        _check_client(data, snippet.page.read_text("utf-8"))
    else:
        _check_schema("gitlab-ci", snippet.text, workspace)
        for name, job in data.items():
            if name not in {"stages", "variables", "include", "default"}:
                _check_gitlab_job(job, data.get("variables", {}))


def _check_client(client: Mapping[str, Any], page: str) -> None:
    """Check that a UAA client has the name and audience of the examples on its page."""
    assert f"cf_client_id: {client['client_id']}" in page
    assert {"cloud_controller.read", "cloud_controller.write"} == set(client["authorities"].split())
    for each in client["jwt_creds"]:
        assert set(each) == {"iss", "sub", "aud"}
        assert f"audience={each['aud']}" in page
        assert f"aud: {each['aud']} }}" in page


def _check_schema(schema: str, text: str, workspace: Path) -> None:
    path = workspace / "snippet.yml"
    path.write_text(text, "utf-8")
    assert (
        check_schema(["--builtin-schema", f"vendor.{schema}", "--quiet", str(path)], standalone_mode=False)
        == 0
    )


def _check_job(job: Mapping[str, Any], workspace: Path) -> None:
    environment = job.get("environment", "")
    for value in environment.values() if isinstance(environment, dict) else (environment,):
        filled(value)
    for row in pages.combinations(job):
        for step in job["steps"]:
            for value in step.get("env", {}).values():
                filled(value, row)  # raises if an expression is unknown
            if PROJECT.rpartition("/")[2] in step.get("uses", ""):
                assert ACTION.fullmatch(step["uses"])
                _check_step(step, row, workspace)


def _check_step(step: Mapping[str, Any], row: Mapping[str, str], workspace: Path) -> None:
    inputs = {name: filled(value, row) for name, value in step["with"].items()}
    _check_inputs(inputs)
    if "rehearse" in inputs:
        outputs_file = workspace / "outputs"
        outputs_file.write_text("", "utf-8")
        environ = {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
        run = run_rehearsal({"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(outputs_file), **environ})
        assert outputs(outputs_file)["status"] == row.get(
            "matrix.status", "finished" if run.code == 0 else "?"
        )


def _check_inputs(inputs: Mapping[str, Any]) -> None:
    """Check that these are declared inputs, with values that the program accepts."""
    assert set(inputs) <= INPUTS
    _read({f"INPUT_{name.upper()}": filled(value) for name, value in inputs.items()}, "INPUT_")


def _read(environ: Mapping[str, str], prefix: str = "") -> RawInputs:
    raw = look_up(GROUPS, environ, prefix)
    provider = _select_provider(raw)
    if "rehearse" in raw:
        scenarios, simulating = _simulator(provider.platform)
        assert raw.text("rehearse") in scenarios
        with simulating("success", speed=1) as session:
            provider.use_simulator(raw, session.inputs)
    Common.read(raw)
    provider.read(raw)
    assert raw.mistakes == []
    assert raw.warnings == []
    return raw


def _check_gitlab_job(job: Mapping[str, Any], shared: Mapping[str, Any]) -> None:
    if not IMAGE.fullmatch(str(job.get("image"))):
        assert PROJECT.rpartition("/")[2] not in str(job.get("image"))
        return
    assert job["script"] == ["deployer"]
    variables = {name: expanded(value) for name, value in {**shared, **job["variables"]}.items()}
    assert {name for name in variables if not name.startswith(("GIT_", "CI_"))} <= VARIABLES
    tokens = dict.fromkeys(job.get("id_tokens", {}), IDENTITY)
    assert set(tokens) <= VARIABLES
    variables_of_project = {} if any(name.startswith("CF_") for name in variables) else PROJECT_VARIABLES
    _read({**variables_of_project, **tokens, **variables})
    expanded(job["environment"]["url"])
    assert job["artifacts"]["reports"]["dotenv"] == "deployer.env"


# --- a shell


def _check_command(line: str) -> None:
    arguments = shlex.split(line, comments=True)
    expected = re.search(r"# exit code (\d+)$", line)
    match arguments:
        case []:
            pass
        case ["docker", "run", *rest]:
            _check_container(rest, int(expected[1]) if expected else None)
        case ["make", target, *settings]:
            makefile = (docs.ROOT / "Makefile").read_text("utf-8")
            assert re.search(rf"^{target}:.* ## ", makefile, re.MULTILINE)
            assert all(
                re.search(rf"^{each.partition('=')[0]} \?= ", makefile, re.MULTILINE) for each in settings
            )
        case ["UPDATE_GOLDEN=1", program, *arguments] | [".venv/bin/pytest" as program, *arguments]:
            assert program == ".venv/bin/pytest"
            _check_tests(arguments)
        case ["git" | "docker" | ".venv/bin/python" | "cd", *_] if _is_known(arguments):
            pass
        case ["curl", *_, address]:
            _read({**PROJECT_VARIABLES, "DEPLOYER_WEBHOOK": address})
        case ["pipx", "install", source] | ["uvx", "--from", source, "deployer"]:
            assert re.fullmatch(rf"git\+https://github\.com/{re.escape(PROJECT)}@v\d+", source)
            assert (
                "deployer"
                in tomllib.loads((docs.ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
            )
        case ["gh", "attestation", "verify", image, *options]:
            _check_attestation(
                image.removeprefix("oci://"), dict(zip(options[::2], options[1::2], strict=True))
            )
        case ["docker", "buildx", "imagetools", "inspect", image, "--format", "{{.Manifest.Digest}}"]:
            assert IMAGE.fullmatch(image)
        case _:
            pytest.fail(f"there is no check for: {line}")


def _check_tests(arguments: list[str]) -> None:
    """Check a file of tests, and a `-k` expression that is part of the name or id of one of its tests."""
    path, *options = arguments
    text = (docs.ROOT / path).read_text("utf-8")
    names = re.findall(r"def (test_\w+)|id=\"([\w-]+)\"", text)
    assert names
    assert not options or (options[0] == "-k" and any(options[1] in name for pair in names for name in pair))


def _is_known(arguments: list[str]) -> bool:
    """Commands for a clone of this repository, its image in another registry, and a release."""
    variables_of_project = f"registry.example.com/acme/deployer:{__version__.partition('.')[0]}"
    return arguments in (
        ["git", "clone", f"https://github.com/{PROJECT}"],
        ["cd", PROJECT.rpartition("/")[2]],
        ["docker", "login", variables_of_project.partition("/")[0]],
        ["docker", "build", "--tag", variables_of_project, "."],
        ["docker", "push", variables_of_project],
        [".venv/bin/python", "-m", release.__name__, "--check", "v1.2.3", PROJECT],
        ["git", "tag", "v1.2.3"],
        ["git", "push", "origin", "v1.2.3"],
    )


def _check_attestation(image: str, options: Mapping[str, str]) -> None:
    """Check that the release workflow creates the attestation, for this image of this project."""
    signer = Path(".github/workflows/release.yml")
    assert IMAGE.fullmatch(image)
    assert options["--repo"] == PROJECT
    assert options.get("--signer-workflow", f"{PROJECT}/{signer}") == f"{PROJECT}/{signer}"
    workflow = (docs.ROOT / signer).read_text("utf-8")
    assert ("sbom-path: " if "--predicate-type" in options else "uses: actions/attest@") in workflow


def _check_container(arguments: list[str], expected: int | None) -> None:
    """Check `docker run`: the inputs are valid, and a rehearsal ends with the exit code of the comment."""
    environ: dict[str, str] = {}
    while arguments and arguments[0].startswith("-"):
        option, *arguments = arguments
        if option in {"-e", "-v", "-w"}:
            value, *arguments = arguments
            name, equals, text = value.partition("=")
            environ |= {name: text if equals else PROJECT_VARIABLES[name]} if option == "-e" else {}
        else:
            assert option == "--rm"
    assert IMAGE.fullmatch(arguments[0])
    assert arguments[1:] == []
    assert set(environ) <= VARIABLES
    if "rehearse" in _read(environ):
        assert expected is None or run_rehearsal(environ).code == expected


# --- JSON


def _check_result(data: dict[str, Any]) -> None:
    """Check that the fields are exactly those that the program writes."""
    expected = result([TargetReport(Target("…"))], Outcome.FINISHED, 72, rehearsal=False)
    assert {**data, "targets": expected["targets"]} == expected
    assert [set(each) for each in data["targets"]] == [set(expected["targets"][0])]


# --- links and names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_existing_pages(page: Path) -> None:
    for link in pages.links(page.read_text("utf-8")):
        path, _, anchor = link.partition("#")
        if link.startswith(("https://", "http://")):
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), link
        assert not anchor or anchor in pages.anchors(target.read_text("utf-8")), link


def test_readme_links_to_every_page() -> None:
    linked = {
        (PAGES[0].parent / link.partition("#")[0]).resolve()
        for link in pages.links(PAGES[0].read_text("utf-8"))
    }
    assert {page.resolve() for page in PAGES[1:]} <= linked


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_inputs_named_with_a_value_exist(page: Path) -> None:
    """`on_timeout: cancel` in a sentence: whoever copies it must not get a warning.

    The left columns of moving.md contain names of other tools.
    """
    text = pages.prose(page.read_text("utf-8"))
    if page.name == "moving.md":
        text = "\n".join(line.rpartition(" | ")[2] for line in text.splitlines() if line.startswith("|"))
    named = set(re.findall(r"`([a-z][a-z_-]+): [^`]+`", text))
    assert named - INPUTS - NOT_INPUTS == set()
    outputs_named = set(re.findall(rf"`{DOTENV_PREFIX}([A-Z_]+)`", text))
    assert outputs_named <= {name.upper() for name in OUTPUTS}


@pytest.mark.parametrize(
    "page", [*PAGES, docs.ROOT / ".github" / "pull_request_template.md"], ids=lambda page: page.name
)
def test_named_files_exist(page: Path) -> None:
    """`deployer/…`, `tests/…` and `docs/…` in code spans are files or folders of this repository."""
    named = re.findall(
        r"`((?:\.github|composite|deployer|docs|tests|tools)/[\w./-]*)`", pages.prose(page.read_text("utf-8"))
    )
    assert [name for name in named if not (docs.ROOT / name).exists()] == []


def test_contributing_names_a_file_for_each_kind_of_change() -> None:
    text = (docs.ROOT / "CONTRIBUTING.md").read_text("utf-8")
    kinds = ("A bug", "A new input", "A new CI system", "A new provider", "A new message", "A release")
    parts = [text.partition(f"\n## {kind}\n")[2].partition("\n## ")[0] for kind in kinds]
    assert all(re.search(r"(?:deployer|tests|docs)/\w", part) for part in parts)


@pytest.mark.parametrize("project", ["acme/deployer", "acme/coolify-deploy"], ids=["own-account", "own-name"])
def test_name_of_a_fork_is_put_on_all_pages(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docs, "PROJECT", project)
    monkeypatch.setattr(docs, "IMAGE", f"ghcr.io/{project}")
    for page in [
        docs.ROOT / name for name in docs.generated() if not name.endswith(("action.yml", "action-types.yml"))
    ]:
        text = docs.page(page.read_text("utf-8"))
        assert "OWNER/" not in text
        assert "owner/deployer" not in text
        assert len(text.splitlines()) == len(page.read_text("utf-8").splitlines())
    assert docs.page("uses: docker/login-action@v3, ghcr.io/acme/shop:1, in deployer/ci") == (
        "uses: docker/login-action@v3, ghcr.io/acme/shop:1, in deployer/ci"
    )
