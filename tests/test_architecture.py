"""Which package may import which, which names must not collide, and that generated files are current.

See architecture 3.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deployer import simulator
from deployer.ci import NAMES
from deployer.model import Outcome
from deployer.providers import PROVIDERS
from deployer.report.target_report import DOTENV_PREFIX, OUTPUTS
from deployer.settings import PREFIXES, Common, declared, variables_of
from deployer.simulator import cloudfoundry
from tools import docs

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "deployer"

# A package → the packages that it may import. Its own files may import one another, except siblings (below).
# Only the simulator may not import `model`; `deployer` itself contains only the version and the name.
ALLOWED = {
    "__main__": {"clock", "main"},
    "main": {
        *("run", "report", "providers", "ci", "settings", "http", "clock", "model", "verify"),
        *("simulator", ""),
    },
    "run": {"watch", "pace", "verify", "providers.interface", "model"},
    "report": {"ci.base", "ci.output", "model"},
    "ci": {"regular_file", "model"},
    "providers": {"settings", "http", "budget", "model"},
    "verify": {"http", "model"},
    "watch": {"model"},
    "pace": {"watch", "model"},
    "budget": set(),
    "settings": {"regular_file", "model"},
    "http": {"model"},
    "regular_file": set(),
    "clock": {"model"},
    "model": set(),
    "simulator": set(),
    "": set(),
}
FILES = sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    """Return the dotted module name of a file, without `deployer.`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports_of(path: Path) -> set[str]:
    """Return every module of Deployer that a file imports, also under `TYPE_CHECKING`."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            submodules = [
                name
                for name in names
                if (ROOT / name.replace(".", "/")).exists()
                or (ROOT / (name.replace(".", "/") + ".py")).exists()
            ]
            modules |= set(submodules) or {node.module}
            modules |= {node.module} if len(submodules) < len(names) else set()
    return {name.partition(".")[2] for name in modules if name == "deployer" or name.startswith("deployer.")}


def test_the_table_has_every_package() -> None:
    assert {module_of(path).partition(".")[0] for path in FILES} == set(ALLOWED)


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_a_package_imports_only_what_it_may(path: Path) -> None:
    package = module_of(path).partition(".")[0]
    imported = {name for name in imports_of(path) if name.partition(".")[0] != package or not package}
    assert {
        name
        for name in imported
        if not any(
            name == allowed or (allowed and name.startswith(f"{allowed}.")) for allowed in ALLOWED[package]
        )
    } == set()


@pytest.mark.parametrize("package", ["ci", "providers"])
def test_siblings_do_not_import_each_other(package: str) -> None:
    shared = {f"{package}.{name}" for name in ("base", "interface", "output", "payload", "images")}
    for path in (PACKAGE / package).rglob("*.py"):
        own = ".".join(module_of(path).split(".")[:2])
        siblings = {
            ".".join(name.split(".")[:2]) for name in imports_of(path) if name.startswith(f"{package}.")
        }
        if own != package:
            assert siblings - shared - {own} == set(), path


# A file of `http/` → the modules of `http/` and `model` that it may import.
WITHIN_HTTP: dict[str, set[str]] = {
    "http": set(),
    "http.client": {"http.connection_errors", "http.environment", "http.tls", "http.untrusted_json", "model"},
    "http.environment": {"http.connection_errors", "http.proxies", "http.tls", "model"},
    "http.connection_errors": {"model"},
    "http.proxies": {"model"},
    "http.tls": {"http.hooks", "model"},
    "http.hooks": set(),
    "http.redirects": set(),
    "http.untrusted_json": set(),
}
# A package → the modules of `http/` that it may import.
OF_HTTP = {
    "main": {"http.client", "http.environment", "http.proxies", "http.tls"},
    "providers": {"http.client", "http.redirects", "http.untrusted_json"},
    "verify": {"http.client", "http.connection_errors", "http.environment", "http.tls"},
}


def test_the_files_of_http_are_imported_in_one_direction() -> None:
    paths = {module_of(path): path for path in (PACKAGE / "http").rglob("*.py")}
    assert set(paths) == set(WITHIN_HTTP)
    for name, path in paths.items():
        used = {"model" if each.partition(".")[0] == "model" else each for each in imports_of(path)}
        assert used - WITHIN_HTTP[name] == set(), path


@pytest.mark.parametrize("package", OF_HTTP)
def test_a_package_imports_only_its_part_of_http(package: str) -> None:
    used = {
        name for path in FILES if module_of(path).partition(".")[0] == package for name in imports_of(path)
    }
    assert {name for name in used if name.partition(".")[0] == "http"} - OF_HTTP[package] == set()


def test_the_simulated_platforms_do_not_import_each_other() -> None:
    """Both use `serving`, which imports neither. The package itself exports Coolify's."""
    platforms = {"simulator.coolify", "simulator.cloudfoundry"}
    for path in (PACKAGE / "simulator").rglob("*.py"):
        own = ".".join(module_of(path).split(".")[:2])
        used = {
            ".".join(name.split(".")[:2])
            for name in imports_of(path)
            if name.partition(".")[0] == "simulator"
        }
        allowed = (
            {own, "simulator.serving"}
            if own in {*platforms, "simulator.serving"}
            else {"simulator", "simulator.coolify", "simulator.serving"}
        )
        assert used - allowed == set(), path


def test_the_simulator_only_needs_the_standard_library() -> None:
    names: set[str] = set()
    for path in (PACKAGE / "simulator").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    assert names - set(sys.stdlib_module_names) == {"deployer"}


def test_the_simulator_is_only_imported_for_rehearsals() -> None:
    tree = ast.parse((PACKAGE / "main.py").read_text("utf-8"))
    assert not any(
        isinstance(node, ast.ImportFrom) and "simulator" in {alias.name for alias in node.names}
        for node in tree.body
    )


def test_generated_files_are_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert docs.main(["--check"]) == 0, capsys.readouterr().out


def test_no_output_variable_is_read_as_an_input() -> None:
    variables = {
        name for each, _, spelling in declared((Common, *PROVIDERS)) for name in variables_of(each, spelling)
    }
    outputs = {DOTENV_PREFIX + name.upper() for name in OUTPUTS}
    assert not variables & outputs
    assert not DOTENV_PREFIX.startswith(PREFIXES)


def test_no_two_inputs_share_a_variable() -> None:
    seen: dict[str, str] = {}
    for name, _, spelling in declared((Common, *PROVIDERS)):
        for variable in variables_of(name, spelling):
            assert seen.setdefault(variable, name) == name, variable


def test_the_action_declares_every_input_and_output_and_no_default() -> None:
    text = docs.action()
    assert "default:" not in text
    for name, info, _ in declared((Common, *PROVIDERS)):
        assert f"\n  {name}:\n" in text
        assert info.description
    for name in OUTPUTS:
        assert f"\n  {name}:\n" in text


def test_the_readme_names_every_public_scenario_and_ci_system() -> None:
    page = (ROOT / "README.md").read_text("utf-8")
    listed = page.partition("Scenarios: ")[2].partition(". Every rehearsal")[0]
    assert set(re.findall(r"`([a-z-]+)`", listed)) == set(simulator.SCENARIOS)
    declared_ci = next(info.description for name, info, _ in declared((Common,)) if name == "ci")
    assert all(f"`{name}`" in str(declared_ci) for name in NAMES)


def test_the_cloud_foundry_pages_name_exactly_the_existing_inputs() -> None:
    page, readme = ((ROOT / name).read_text("utf-8") for name in ("docs/cloudfoundry.md", "README.md"))
    cf = next(provider for provider in PROVIDERS if provider.platform == "cloudfoundry")
    inputs = {name for name in cf.model_fields if name.startswith("cf_")}
    variables = {
        variable
        for name, _, spelling in declared((cf,))
        for variable in variables_of(name, spelling)
        if variable.startswith("CF_")
    }
    for text in (page, readme):
        assert set(re.findall(r"(?<![\w.-])cf_(?!on_k8s)[a-z_]+", text)) <= inputs
        assert set(re.findall(r"(?<![\w.-])CF_[A-Z_]+(?=:)", text)) <= variables
    assert inputs <= set(re.findall(r"cf_[a-z_]+", page))
    listed = re.findall(r"`([a-z-]+)`", page.partition("there are also ")[2].partition(".")[0])
    assert {"success", *listed} == set(cloudfoundry.SCENARIOS)


def test_the_exit_codes_of_outcomes_are_stable() -> None:
    assert {outcome.status: outcome.exit_code for outcome in Outcome} == {
        "interrupted": 130,
        "failed": 1,
        "unverified": 5,
        "rolled_back": 5,
        "lost": 3,
        "timed_out": 3,
        "cancelled": 4,
        "superseded": 4,
        "refused": 2,
        "unreachable": 6,
        "triggered": 0,
        "finished": 0,
        "skipped": 0,
    }


NOT_AT_START = (
    "deployer.providers.cloudfoundry.provider",
    "deployer.providers.cloudfoundry.api",
    "deployer.simulator",
)


def test_a_run_imports_neither_a_simulator_nor_the_other_provider() -> None:
    """Every job waits for the imports."""
    code = "import sys, deployer.main; print(*sys.modules, sep='\\n')"
    completed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    loaded = completed.stdout.splitlines()
    assert "deployer.providers.cloudfoundry.inputs" in loaded
    assert [name for name in loaded if name.startswith(NOT_AT_START)] == []
