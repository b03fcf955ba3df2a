"""Generate both actions, their types, and the generated parts of the documentation.

`python -m tools.docs` writes the files; `--check` only compares.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from deployer import PROJECT
from deployer.model import Outcome
from deployer.providers import PROVIDERS
from deployer.report.target_report import OUTPUTS
from deployer.settings import Aliases, Common, declared, default, env_name

ROOT = Path(__file__).parent.parent
NAME = "Deployer for Coolify"
SUMMARY = "Deploys to a self-hosted Coolify, streams the build log, and fails when the deployment fails"
IMAGE = f"ghcr.io/{PROJECT.lower()}"
WRITTEN = "# Written by `make docs`, from the declarations in deployer/."
PINNED = re.compile(r"^  image: (docker://\S+@sha256:[0-9a-f]{64})$", re.MULTILINE)
STRING = ["type: string"]
LIST = ["type: list", 'separator: ","', "list-item:", "  type: string"]
OUTPUT_KINDS = {"deployment_uuids": LIST, "duration": ["type: integer"], "timed_out": ["type: boolean"]}
REPOSITORIES = "|".join(re.escape(name) for name in sorted({"deployer", PROJECT.rpartition("/")[2]}))
NAMED = re.compile(rf"(?:(?<=github\.com/)|(?<![\w./-]))[\w.-]+/(?:{REPOSITORIES})(?![\w-])")
IMAGED = re.compile(rf"\bghcr\.io/[\w.-]+/(?:{REPOSITORIES.lower()})(?![\w-])")
"""Our repository and our image on a page, under any owner; a fork may also have renamed the repository."""

PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md", ".github/ISSUE_TEMPLATE/*.yml")
"""The files that name the project."""

KILLED = "cancelled() && steps.deploy.outputs.status == '' && steps.deploy.outputs.deployment_uuids != ''"
MARK = re.compile(r"(<!-- generated: (?P<part>[a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def quoted(text: str) -> str:
    """A YAML string in double quotes, with everything escaped."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def action(image: str = "Dockerfile") -> str:
    """action.yml. On main it builds the Dockerfile; a release runs its tested image.

    `tools/release.py --pin` sets the image.
    """
    return "\n".join([*_interface(), "runs:", "  using: docker", f"  image: {image}"]) + "\n"


def pinned(text: str) -> str:
    """The image that an action.yml runs: of a release by digest, otherwise the Dockerfile."""
    found = PINNED.search(text)
    return found[1] if found else "Dockerfile"


def composite() -> str:
    """composite/action.yml: the action without Docker.

    Inputs reach the program as environment variables, never in the text of a command.
    """
    names = [
        each for name, _, spelling in declared((*PROVIDERS, Common)) for each in (name, *spelling.inputs)
    ]
    lines = [
        *_interface(lambda name: [f"    value: ${{{{ steps.deploy.outputs.{name} }}}}"]),
        "runs:",
        "  using: composite",
        "  steps:",
        "    # `exec`: the runner signals only this process, so it must be the program.",
        "    - id: deploy",
        "      shell: bash",
        '      run: exec bash "$GITHUB_ACTION_PATH/start.sh"',
        "      env:",
        *(f"        INPUT_{name.upper()}: ${{{{ inputs.{name} }}}}" for name in names),
        "    # In case the program was killed before it could report the end of its deployment.",
        f"    - if: {KILLED}",
        "      shell: bash",
        '      run: bash "$GITHUB_ACTION_PATH/report-killed.sh"',
        "      env:",
        "        DEPLOYMENTS: ${{ steps.deploy.outputs.deployment_uuids }}",
        "        DEPLOYMENT_URL: ${{ steps.deploy.outputs.deployment_url }}",
    ]
    return "\n".join(lines) + "\n"


def _interface(value: Callable[[str], list[str]] = lambda _: []) -> list[str]:
    """What both actions have in common.

    There is no `default:`: it would arrive as if the user had set the input (architecture 3).
    """
    lines = [
        WRITTEN,
        f"name: {quoted(NAME)}",
        f"description: {quoted(SUMMARY)}",
        "branding:",
        "  icon: upload-cloud",
        "  color: purple",
        "inputs:",
    ]
    for name, info, spelling in declared((*PROVIDERS, Common)):
        standard = default(info, spelling)
        text = f"{info.description}. Default: {standard}" if standard else str(info.description)
        lines += [f"  {name}:", f"    description: {quoted(text)}"]
        lines += [
            line
            for alias in spelling.inputs
            for line in (f"  {alias}:", f"    description: {quoted(f'Another name of {name}')}")
        ]
    lines.append("outputs:")
    for name, text in OUTPUTS.items():
        lines += [f"  {name}:", f"    description: {quoted(text)}", *value(name)]
    return lines


def types() -> str:
    """action-types.yml, for workflows that are written in a typed language.

    The format: https://github.com/typesafegithub/github-actions-typing
    """
    lines = [WRITTEN, "inputs:"]
    for name, info, spelling in declared((*PROVIDERS, Common)):
        kind = _kind(info.annotation)
        lines += [
            line
            for each in (name, *spelling.inputs)
            for line in (f"  {each}:", *(f"    {line}" for line in kind))
        ]
    lines.append("outputs:")
    for name in OUTPUTS:
        lines += [f"  {name}:", *(f"    {line}" for line in OUTPUT_KINDS.get(name, STRING))]
    return "\n".join(lines) + "\n"


def _kind(annotation: Any) -> list[str]:
    """The type of an input. Values with a validator of their own (durations, URLs) are strings."""
    if get_origin(annotation) in {Union, UnionType}:  # `… | None`: not set
        return _kind(next(each for each in get_args(annotation) if each is not type(None)))
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        words = get_args(annotation)
        return ["type: enum", "allowed-values:", *(f"  - {quoted(word)}" for word in words)]
    if annotation == tuple[str, ...]:
        return LIST
    return {bool: ["type: boolean"], int: ["type: integer"]}.get(annotation, STRING)


def inputs() -> str:
    """The table of inputs."""
    rows = ["| input | variable | default | meaning |", "|---|---|---|---|"]
    for name, info, spelling in declared((*PROVIDERS, Common)):
        standard = default(info, spelling)
        names = "<br>".join([f"`{name}`", *(f"or `{alias}`" for alias in spelling.inputs)])
        variables = "<br>".join(f"`{variable}`" for variable in (env_name(name), *_others(name, spelling)))
        shown = f"`{standard}`" if standard and " " not in standard and standard != "adaptive" else standard
        rows.append(f"| {names} | {variables} | {shown} | {info.description} |")
    return "\n".join(rows) + "\n"


def _others(name: str, spelling: Aliases) -> tuple[str, ...]:
    return (*spelling.variables, *((f"{env_name(name)}_FILE",) if spelling.file else ()))


def outputs() -> str:
    """The table of outputs."""
    rows = ["| output | in a dotenv file | meaning |", "|---|---|---|"]
    for name, text in OUTPUTS.items():
        rows.append(f"| `{name}` | {f'`DEPLOYED_{name.upper()}`' if name != 'result' else ''} | {text} |")
    return "\n".join(rows) + "\n"


def statuses() -> str:
    """The table of statuses."""
    rows = ["| `status` | exit code | when |", "|---|---|---|"]
    rows += [f"| `{outcome.status}` | {outcome.exit_code} | {outcome.meaning} |" for outcome in Outcome]
    return "\n".join(rows) + "\n"


PARTS = {"inputs": inputs, "outputs": outputs, "statuses": statuses}


def page(text: str) -> str:
    """The page with its generated parts and the project's public name up to date."""
    text = NAMED.sub(PROJECT, IMAGED.sub(IMAGE, text))
    return MARK.sub(lambda match: match[1] + PARTS[match["part"]]() + match[3], text)


def generated() -> dict[str, str]:
    """The text that each generated file should have, by path."""
    old = (ROOT / "action.yml").read_text("utf-8")
    pages = [path for glob in PAGES for path in sorted(ROOT.glob(glob))]
    return {
        "action.yml": action(pinned(old)),
        "action-types.yml": types(),
        "composite/action.yml": composite(),
        "composite/action-types.yml": types(),
        **{path.relative_to(ROOT).as_posix(): page(path.read_text("utf-8")) for path in pages},
    }


def main(argv: list[str]) -> int:
    """Write the files, or with `--check` print how they differ and return 1."""
    stale = 0
    for name, text in generated().items():
        path = ROOT / name
        old = path.read_text("utf-8") if path.exists() else ""
        if old == text:
            continue
        if "--check" in argv:
            stale = 1
            changes = difflib.unified_diff(
                old.splitlines(), text.splitlines(), name, "generated", lineterm="", n=1
            )
            print(*changes, sep="\n")
        else:
            path.write_text(text, "utf-8")
    if stale:
        print("The generated parts are out of date. Run `make docs`.")
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
