"""JSON of another format, and unknown states."""

from typing import Any

import pytest

from deployer.model import UnavailableError
from deployer.providers.cloudfoundry.watching import build_status, deployment_status, instance_status


@pytest.mark.parametrize("reply", [None, "text", [], {}, {"resources": {}}, {"status": 1}, {"state": None}])
def test_json_in_another_format_is_an_error(reply: Any) -> None:
    for read in (
        build_status.snapshot_of,
        deployment_status.snapshot_of,
        deployment_status.is_deployed,
        lambda data: instance_status.process({}, data),
    ):
        with pytest.raises(UnavailableError):
            read(reply)


def test_an_unknown_state_is_printed_unchanged() -> None:
    """A secret in another case would not be redacted."""
    row = {"status": {"value": "ACTIVE", "reason": "SeCrEt"}}
    found = [deployment_status.snapshot_of(row), build_status.snapshot_of({"state": "SeCrEt"})]
    assert [("SeCrEt" in seen.raw_status, "SeCrEt" in seen.warnings[0]) for seen in found] == [
        (True, True)
    ] * 2
