"""Writes the generated parts: action.yml, and the tables of README.md. `python -m deployer.docs` writes, `--check` only compares."""

from __future__ import annotations

import difflib
import re
import sys
from pathlib import Path

from deployer import PROJECT
from deployer.model import Outcome
from deployer.providers import PROVIDERS
from deployer.report.facts import OUTPUTS
from deployer.settings import Common, Spelling, declared, default, plain

ROOT = Path(__file__).parent.parent
NAME = "Deployer for Coolify"
SUMMARY = "Deploys to a self-hosted Coolify, streams the build log, and fails when the deployment fails"
IMAGE = f"ghcr.io/{PROJECT.lower()}"
MARK = re.compile(r"(<!-- generated: (?P<part>[a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def quoted(text: str) -> str:
    """A YAML string in double quotes, in which nothing means anything."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def action() -> str:
    """action.yml. No `default:` anywhere: it would arrive as if the user had given it (design.md section 3)."""
    lines = [
        "# Written by `make docs`, from the declarations in deployer/.",
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
        lines += [line for alias in spelling.inputs for line in (f"  {alias}:", f"    description: {quoted(f'Another name of {name}')}")]
    lines.append("outputs:")
    for name, text in OUTPUTS.items():
        lines += [f"  {name}:", f"    description: {quoted(text)}"]
    lines += ["runs:", "  using: docker", "  image: Dockerfile"]
    return "\n".join(lines) + "\n"


def inputs() -> str:
    """The table of inputs."""
    rows = ["| input | variable | default | meaning |", "|---|---|---|---|"]
    for name, info, spelling in declared((*PROVIDERS, Common)):
        standard = default(info, spelling)
        names = "<br>".join([f"`{name}`", *(f"or `{alias}`" for alias in spelling.inputs)])
        variables = "<br>".join(f"`{variable}`" for variable in (plain(name), *_others(name, spelling)))
        shown = f"`{standard}`" if standard and " " not in standard and standard != "adaptive" else standard
        rows.append(f"| {names} | {variables} | {shown} | {info.description} |")
    return "\n".join(rows) + "\n"


def _others(name: str, spelling: Spelling) -> tuple[str, ...]:
    return (*spelling.variables, *((f"{plain(name)}_FILE",) if spelling.file else ()))


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


def readme(text: str) -> str:
    """The README, or another page, with its generated parts, and the project's public name, anew."""
    text = re.sub(r"(?<=uses: )[\w.-]+/[\w.-]+(?=@)", PROJECT, text)
    text = re.sub(r"\bghcr\.io/[\w.-]+/[\w.-]+(?=:)", IMAGE, text)
    return MARK.sub(lambda match: match[1] + PARTS[match["part"]]() + match[3], text)


def main(argv: list[str]) -> int:
    """Write the files, or with `--check` print how they differ and what to do."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    wanted = {ROOT / "action.yml": action(), **{page: readme(page.read_text("utf-8")) for page in pages}}
    stale = 0
    for path, text in wanted.items():
        old = path.read_text("utf-8") if path.exists() else ""
        if old == text:
            continue
        if "--check" in argv:
            stale = 1
            print(*difflib.unified_diff(old.splitlines(), text.splitlines(), str(path.name), "generated", lineterm="", n=1), sep="\n")
        else:
            path.write_text(text, "utf-8")
    if stale:
        print("The generated parts are stale: run `make docs`.")
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
