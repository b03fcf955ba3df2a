"""The replies that the simulator ships are copies of recorded ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.coolify.client import CONTRACT, REPLIES


def originals() -> list[Any]:
    return [pytest.param(path, id=path.stem) for path in sorted(REPLIES.glob("*.json"))]


def changed(ours: Any, theirs: Any, place: str = "body") -> list[str]:
    """What of a copy is not as it was recorded: of a list some rows may be left out, and a secret may be a fake."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        lost = [key for key in theirs.keys() - ours.keys() if not key.isdecimal()]
        wrong = [f"{place}: {sorted(lost)}"] if lost or ours.keys() - theirs.keys() else []
        return wrong + [
            fault
            for key in ours.keys() & theirs.keys()
            for fault in changed(ours[key], theirs[key], f"{place}.{key}")
        ]
    if isinstance(ours, list) and isinstance(theirs, list):
        rest = iter(theirs)
        missing = [index for index, each in enumerate(ours) if all(changed(each, there) for there in rest)]
        return [f"{place}[{index}]: not in the recording, or not in its order" for index in missing]
    return (
        []
        if ours == theirs or (isinstance(ours, str) and ours.startswith("FAKE"))
        else [f"{place}: {ours!r} instead of {theirs!r}"]
    )


@pytest.mark.parametrize("path", originals())
def test_a_copy_says_what_the_original_says(path: Path) -> None:
    copy = json.loads(path.read_text(encoding="utf-8"))
    if copy["source"].startswith("derived"):
        return
    original = json.loads((CONTRACT / copy["source"]).read_text(encoding="utf-8"))
    if "entries" in copy:
        last = original["responses"][-1]["body"]
        lines = [entry for entry in copy["entries"] if not entry.get("derived", "").startswith("fixtures")]
        assert [entry["type"] for entry in lines if "derived" not in entry] == [
            entry["type"]
            for entry, line in zip(json.loads(last["logs"]), lines, strict=True)
            if "derived" not in line
        ]
        told = {
            line["output"].replace("%deployment%", last["deployment_uuid"])
            for line in lines
            if "%app" not in line["output"]
        }
        assert told & {entry["output"] for entry in json.loads(last["logs"])}
        return
    assert copy["response"]["status"] == original["response"]["status"]
    names = original["response"]["headers"]
    assert [key for key, _ in copy["response"]["headers"]] == [
        key for key, _ in (names.items() if isinstance(names, dict) else names)
    ]
    assert changed(copy["response"]["body"], original["response"]["body"]) == []


def test_the_copies_hold_nothing_of_the_machine_that_recorded_them() -> None:
    for path in REPLIES.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        for trace in ("Authorization", "/srv/", "/home/", "/work/", '"vm"', "capture/"):
            assert trace not in text, path.name
