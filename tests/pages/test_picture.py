"""The picture at the top of the README shows the program's current output."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tools import picture


@pytest.fixture(scope="module")
def svg() -> str:
    return picture.picture()


def test_picture_is_current(svg: str) -> None:
    assert svg == picture.FILE.read_text("utf-8"), "run `make picture`, and check it"


def test_picture_shows_the_output_and_its_lines_fit(svg: str) -> None:
    drawn = [each.text or "" for each in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    output = picture.lines()
    assert len(drawn) == len(output)
    assert all(
        line.startswith(each.removesuffix(picture.CUT)) for line, each in zip(output, drawn, strict=True)
    )
    assert max(map(len, drawn)) <= picture.COLUMNS
    assert output[-1] == "1"


def test_command_in_the_picture_is_in_the_readme() -> None:
    readme = (Path(picture.FILE).parent.parent / "README.md").read_text("utf-8")
    assert picture.COMMAND in readme
    assert 'src="docs/picture.svg"' in readme
