"""The picture at the top of the README is what the program says today."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tools import picture


@pytest.fixture(scope="module")
def drawn() -> str:
    return picture.picture()


def test_the_picture_is_drawn_from_what_the_program_says_today(drawn: str) -> None:
    assert drawn == picture.FILE.read_text("utf-8"), "run `make picture`, and look at it"


def test_its_text_is_the_program_s_and_its_lines_fit(drawn: str) -> None:
    shown = [each.text or "" for each in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    said = picture.lines()
    assert len(shown) == len(said)
    assert all(
        line.startswith(each.removesuffix(picture.CUT)) for line, each in zip(said, shown, strict=True)
    )
    assert max(map(len, shown)) <= picture.COLUMNS
    assert said[-1] == "1"


def test_its_command_is_one_that_the_readme_shows() -> None:
    readme = (Path(picture.FILE).parent.parent / "README.md").read_text("utf-8")
    assert picture.COMMAND in readme
    assert 'src="docs/picture.svg"' in readme
