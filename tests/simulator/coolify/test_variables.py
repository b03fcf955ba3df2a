"""Environment variables are set, shown and rejected as in coolify-api."""

from typing import Any

import pytest

from tests.simulator.coolify.client import BULK, ENVS, V1, Client, U, connected_client, send_json, with_uuids
from tests.simulator.coolify.invariants import violations

DEFAULT_FLAGS = {"is_preview": False, "is_literal": False, "is_multiline": True, "is_shown_once": True}
VARIABLES = [
    # the variable that is sent; whether its preview copy is compared; the expected columns
    pytest.param(
        {"key": "NODE_ENV", "value": " x "}, False, {"value": "x", "is_buildtime": True}, id="trimmed"
    ),
    pytest.param({"key": "NODE_ENV", "value": ""}, False, {"value": None, "real_value": ""}, id="empty"),
    pytest.param({"key": "NODE_ENV", "value": "x", "nope": 1}, False, {"value": "x"}, id="unknown key"),
    pytest.param({"key": "NODE_ENV", "value": "x"}, True, {"value": "production"}, id="copy unchanged"),
    pytest.param({"key": "NODE_ENV", "value": "x", "is_preview": True}, True, {"value": "x"}, id="copy"),
    pytest.param(
        {"key": "NODE_ENV", "value": "x", "is_preview": True},
        False,
        {"value": "production"},
        id="only copy",
    ),
    pytest.param(
        {"key": "GREETING", "value": "x"},
        False,
        {"is_literal": False, "comment": "for the front page"},
        id="reset",
    ),
    pytest.param(
        {"key": "SIGNING_KEY", "value": "x", **DEFAULT_FLAGS},
        False,
        {"is_multiline": True, "value": "hidden"},
        id="shown once",
    ),
    pytest.param(
        {"key": "SIGNING_KEY", "value": "x", **DEFAULT_FLAGS},
        True,
        {"real_value": "'first line\nsecond line'"},
        id="copy is shown",
    ),
    pytest.param({"key": "NEW", "value": "x"}, False, {"value": "x", "is_required": False}, id="new"),
    pytest.param({"key": "NEW", "value": "x"}, True, {"value": "x"}, id="new: its copy"),
    pytest.param({"key": "NEW", "value": "x", "is_preview": True}, False, {}, id="new for previews only"),
]


@pytest.mark.parametrize(("item", "preview", "columns"), VARIABLES)
def test_bulk_request_sets_a_variable(
    item: dict[str, object], *, preview: bool, columns: dict[str, object]
) -> None:
    with connected_client("env-app") as (session, client):
        assert send_json(client, BULK, {"data": [item]}).status == 201
        rows = [
            row
            for row in client.send("GET", V1 + with_uuids(ENVS[4:], session, "")).body
            if (row["key"], row["is_preview"]) == (item["key"], preview)
        ]
        assert [{key: row.get(key, "hidden") for key in columns} for row in rows] == (
            [columns] if columns else []
        )
        assert violations(session) == []


REJECTED_BULK = [
    pytest.param({"x": 1}, 400, {"message": "Bulk data is required."}, id="no data"),
    pytest.param({"data": []}, 400, {"message": "Bulk data is required."}, id="empty data"),
    pytest.param(
        {"data": [{"key": "A", "value": 5}]},
        422,
        {"value": ["The value field must be a string."]},
        id="number",
    ),
    pytest.param(
        {"data": [{"key": "A", "value": "x", "is_literal": "maybe"}]},
        422,
        {"is_literal": ["The is literal field must be true or false."]},
        id="flag",
    ),
    pytest.param(
        {"data": [{"key": "A B", "value": "x"}]},
        422,
        {"key": ["The key field format is invalid."]},
        id="key",
    ),
    pytest.param({"data": [{"value": "x"}]}, 422, {"key": ["This field is required."]}, id="no key"),
    pytest.param(
        {"data": [{"key": "SIGNING_KEY", "value": "x"}]},
        500,
        {"message": "Server Error"},
        id="flags left out",
    ),
]


@pytest.mark.parametrize(("body", "status", "expected"), REJECTED_BULK)
def test_bulk_request_is_rejected_as_by_coolify(
    body: object, status: int, expected: dict[str, object]
) -> None:
    with connected_client("env-app") as (_, client):
        reply = send_json(client, BULK, body)
        assert (reply.status, reply.body.get("errors", reply.body)) == (status, expected)


def variables_of(client: Client, kind: str = "application") -> list[dict[str, Any]]:
    """The variables of the session's first target."""
    rows: list[dict[str, Any]] = client.send("GET", f"{V1}/{kind}s/{client.session.uuids[0]}/envs").body
    return rows


def test_create_update_and_delete_a_variable_of_an_application_with_its_copy() -> None:
    with connected_client("env-app") as (session, client):
        added = send_json(client, f"POST /applications/{U}/envs", {"key": "NEW", "value": " x "})
        assert (added.status, added.body.keys()) == (201, {"uuid"})
        assert [(row["value"], row["is_preview"]) for row in variables_of(client) if row["key"] == "NEW"] == [
            ("x", False),
            ("x", True),
        ]
        assert send_json(client, f"POST /applications/{U}/envs", {"key": "NEW", "value": "y"}).status == 409
        changed = send_json(client, f"PATCH /applications/{U}/envs", {"key": "NEW", "value": "z"})
        assert (changed.status, changed.body["uuid"], changed.body["value"]) == (201, added.body["uuid"], "z")
        path = f"{V1}/applications/{session.uuids[0]}/envs/{added.body['uuid']}"
        assert [client.send("DELETE", path).status for _ in range(2)] == [200, 404]
        assert [(row["value"], row["is_preview"]) for row in variables_of(client) if row["key"] == "NEW"] == [
            ("x", True)
        ]


def test_create_update_and_delete_a_variable_of_a_service() -> None:
    with connected_client("env-service") as (session, client):
        added = send_json(
            client, f"POST /services/{U}/envs", {"key": "NEW", "value": "x", "is_literal": True}
        )
        assert (added.status, added.body["value"], added.body["is_literal"]) == (201, "x", True)
        assert send_json(client, f"POST /services/{U}/envs", {"key": "NEW"}).status == 409
        changed = send_json(client, f"PATCH /services/{U}/envs", {"key": "NEW", "value": "z"})
        assert (changed.status, changed.body["value"], changed.body["is_literal"]) == (201, "z", True)
        assert (
            client.send("DELETE", f"{V1}/services/{session.uuids[0]}/envs/{added.body['uuid']}").status == 200
        )
        assert "NEW" not in {row["key"] for row in variables_of(client, "service")}


REJECTED_SINGLE = [
    pytest.param("POST", {"value": "x"}, 422, {"key": ["This field is required."]}, id="no key"),
    pytest.param(
        "POST", {"key": "A B"}, 422, {"key": ["The key field format is invalid."]}, id="invalid key"
    ),
    pytest.param(
        "POST", {"key": "A", "value": 5}, 422, {"value": ["The value field must be a string."]}, id="number"
    ),
    pytest.param(
        "POST", {"key": "A", "nope": 1}, 422, {"nope": ["This field is not allowed."]}, id="unknown field"
    ),
    pytest.param(
        "PATCH",
        {"key": "A", "nope": 1},
        422,
        {"nope": ["This field is not allowed."]},
        id="unknown field of change",
    ),
    pytest.param(
        "PATCH",
        {"key": "NOPE"},
        404,
        {"message": "Environment variable not found."},
        id="change of unknown one",
    ),
    pytest.param(
        "PATCH", {"key": "SIGNING_KEY", "value": "x"}, 500, {"message": "Server Error"}, id="flags left out"
    ),
]


@pytest.mark.parametrize(("method", "body", "status", "expected"), REJECTED_SINGLE)
def test_single_variable_is_rejected_as_by_coolify(
    method: str, body: object, status: int, expected: dict[str, object]
) -> None:
    with connected_client("env-app") as (_, client):
        before = variables_of(client)
        reply = send_json(client, f"{method} /applications/{U}/envs", body)
        assert (reply.status, reply.body.get("errors", reply.body)) == (status, expected)
        assert variables_of(client) == before


def test_single_variable_accepts_the_flags_of_the_version() -> None:
    for version, flag, status in (
        ("4.0.0-beta.426", "is_build_time", 201),
        ("4.0.0-beta.426", "is_buildtime", 422),
        ("4.0.0-beta.434", "is_buildtime", 201),
        ("4.0.0-beta.434", "is_multiline", 422),
        ("4.3.10", "is_multiline", 201),
        ("4.3.10", "is_build_time", 422),
    ):
        with connected_client("env-app", version=version) as (_, client):
            reply = send_json(
                client, f"POST /applications/{U}/envs", {"key": "NEW", "value": "x", flag: True}
            )
            assert reply.status == status, (version, flag, reply.body)


def test_variables_before_an_invalid_one_are_set() -> None:
    with connected_client("env-app") as (session, client):
        assert (
            send_json(
                client, BULK, {"data": [{"key": "SAVED", "value": "1"}, {"key": "BAD", "value": True}]}
            ).status
            == 422
        )
        keys = {row["key"] for row in client.send("GET", V1 + with_uuids(ENVS[4:], session, "")).body}
        assert ("SAVED" in keys, "BAD" in keys) == (True, False)


def test_service_keeps_variables_that_are_not_sent() -> None:
    with connected_client("env-service") as (session, client):
        new, old = send_json(
            client,
            f"PATCH /services/{U}/envs/bulk",
            {"data": [{"key": "NEW", "value": "x"}, {"key": "GREETING"}]},
        ).body
        assert (old["value"], old["is_literal"]) == ("Hello $USER", True)
        assert not new.keys() & {
            "comment",
            "is_literal",
            "is_multiline",
            "is_shown_once",
            "is_preview",
            "order",
            "is_required",
        }
        assert not any(
            row["is_preview"] for row in client.send("GET", f"{V1}/services/{session.uuids[0]}/envs").body
        )
        assert violations(session) == []
