"""The replies in the simulator are shortened copies of recorded ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.coolify.client import CONTRACTS, REPLIES


def originals() -> list[Any]:
    return [pytest.param(path, id=path.stem) for path in sorted(REPLIES.glob("*.json"))]


def changed(copied: Any, recorded_value: Any, path: str = "body") -> list[str]:
    """Where a copy differs from its original. Lists may lack items, and secrets may be replaced."""
    if isinstance(copied, dict) and isinstance(recorded_value, dict):
        left_out = [key for key in recorded_value.keys() - copied.keys() if not key.isdecimal()]
        different = (
            [f"{path}: {sorted(left_out)}"] if left_out or copied.keys() - recorded_value.keys() else []
        )
        return different + [
            fault
            for key in copied.keys() & recorded_value.keys()
            for fault in changed(copied[key], recorded_value[key], f"{path}.{key}")
        ]
    if isinstance(copied, list) and isinstance(recorded_value, list):
        rest = iter(recorded_value)
        missing = [
            index for index, each in enumerate(copied) if all(changed(each, remaining) for remaining in rest)
        ]
        return [f"{path}[{index}]: not in the recording, or not in its order" for index in missing]
    return (
        []
        if copied == recorded_value or (isinstance(copied, str) and copied.startswith("FAKE"))
        else [f"{path}: {copied!r} instead of {recorded_value!r}"]
    )


@pytest.mark.parametrize("path", originals())
def test_copy_equals_its_original(path: Path) -> None:
    copy = json.loads(path.read_text(encoding="utf-8"))
    if copy["source"].startswith("derived"):
        return
    original = json.loads((CONTRACTS / copy["source"]).read_text(encoding="utf-8"))
    if "entries" in copy:
        last = original["responses"][-1]["body"]
        lines = [entry for entry in copy["entries"] if not entry.get("derived", "").startswith("fixtures")]
        assert [entry["type"] for entry in lines if "derived" not in entry] == [
            entry["type"]
            for entry, line in zip(json.loads(last["logs"]), lines, strict=True)
            if "derived" not in line
        ]
        copied_text = {
            line["output"].replace("%deployment%", last["deployment_uuid"])
            for line in lines
            if "%app" not in line["output"]
        }
        assert copied_text & {entry["output"] for entry in json.loads(last["logs"])}
        return
    assert copy["response"]["status"] == original["response"]["status"]
    names = original["response"]["headers"]
    assert [key for key, _ in copy["response"]["headers"]] == [
        key for key, _ in (names.items() if isinstance(names, dict) else names)
    ]
    assert changed(copy["response"]["body"], original["response"]["body"]) == []


def test_copies_contain_nothing_of_the_recording_machine() -> None:
    for path in REPLIES.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        for secret in ("Authorization", "/srv/", "/home/", "/work/", '"vm"', "capture/"):
            assert secret not in text, path.name
