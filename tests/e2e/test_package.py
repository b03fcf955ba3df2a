"""The package as it is uploaded: built with the locked versions, and installed into an empty environment."""

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import deployer
from tests.e2e.peers import ROOT

NAME = "deployer_for_coolify"
UV = Path(sys.executable).parent / "uv"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [
            UV,
            "build",
            "--quiet",
            "--no-build-isolation",
            "--python",
            sys.executable,
            "--out-dir",
            folder,
            ROOT,
        ],
        check=True,
    )
    return folder


def test_package_installs_the_command(dist: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    wheel = next(dist.glob("*.whl"))
    pip: list[str | Path] = [
        home / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    subprocess.run([*pip, "--constraint", _constraints_without_hashes(tmp_path), wheel], check=True)
    version = subprocess.run(
        [home / "bin" / "deployer", "--version"], capture_output=True, text=True, check=True
    ).stdout
    assert version == f"deployer {deployer.__version__}\n"
    for scenario, code in (("success", 0), ("build-failure", 1)):
        environ = {"PATH": os.environ["PATH"], "DEPLOYER_REHEARSE": scenario}
        assert (
            subprocess.run(
                [home / "bin" / "deployer"], env=environ, capture_output=True, check=False
            ).returncode
            == code
        )


def _constraints_without_hashes(folder: Path) -> Path:
    """The locked versions as constraints, without hashes.

    A local wheel has none, and pip wants all or none.
    """
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(line.removesuffix(" \\") for line in lines if "==" in line), "utf-8")
    return constraints


def test_packages_contain_program_and_license_but_no_tests(dist: Path) -> None:
    wheel = zipfile.ZipFile(next(dist.glob("*.whl"))).namelist()
    assert f"{NAME}-{deployer.__version__}.dist-info/licenses/LICENSE" in wheel
    assert "deployer/__main__.py" in wheel
    assert any(name.startswith("deployer/simulator/coolify/replies/") for name in wheel)
    assert {name.partition("/")[0] for name in wheel} == {
        "deployer",
        f"{NAME}-{deployer.__version__}.dist-info",
    }
    with tarfile.open(next(dist.glob("*.tar.gz"))) as source:
        names = [name.partition("/")[2] for name in source.getnames()]
    assert {"LICENSE", "README.md", "pyproject.toml", "deployer/__main__.py"} <= set(names)
    assert not [name for name in names if name.startswith((".venv", ".git/", "tests", "composite"))]
