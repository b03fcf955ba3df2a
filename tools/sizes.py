"""Print the size of the program: the lines of each file, and the longest functions. Never fails."""

import ast
import textwrap
from pathlib import Path

MAX_ROWS = 8


def functions(path: Path) -> list[tuple[int, str]]:
    return [
        (node.end_lineno - node.lineno + 1, f"{path}:{node.lineno} {node.name}")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.end_lineno is not None
    ]


def main() -> None:
    package = Path("deployer")
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in package.rglob("*.py")}
    largest = sorted(lines.items(), key=lambda item: item[1], reverse=True)
    longest = sorted((size for path in lines for size in functions(path)), reverse=True)
    # A no-break space keeps a name and its size on one line.
    files = textwrap.fill(
        ", ".join(f"{path.relative_to(package)}\N{NO-BREAK SPACE}{count}" for path, count in largest), 110
    )
    print(f"{sum(lines.values())} lines in {len(lines)} files:", files, "the longest functions:", sep="\n")
    print(*(f"{count:4} {name}" for count, name in longest[:MAX_ROWS]), sep="\n")


if __name__ == "__main__":
    main()
