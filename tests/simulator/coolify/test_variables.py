"""Environment variables are set, shown and refused as coolify-api says."""

from typing import Any

import pytest

from tests.simulator.coolify.client import BULK, ENVS, V1, Client, U, placed, visiting, write
from tests.simulator.coolify.invariants import violations

FOUR = {"is_preview": False, "is_literal": False, "is_multiline": True, "is_shown_once": True}
VARIABLES = [
    # what is sent of one variable; of which rows these columns show what
    pytest.param(
        {"key": "NODE_ENV", "value": " x "}, False, {"value": "x", "is_buildtime": True}, id="trimmed"
    ),
    pytest.param({"key": "NODE_ENV", "value": ""}, False, {"value": None, "real_value": ""}, id="empty"),
    pytest.param({"key": "NODE_ENV", "value": "x", "nope": 1}, False, {"value": "x"}, id="an unknown key"),
    pytest.param({"key": "NODE_ENV", "value": "x"}, True, {"value": "production"}, id="the copy stays"),
    pytest.param({"key": "NODE_ENV", "value": "x", "is_preview": True}, True, {"value": "x"}, id="the copy"),
    pytest.param(
        {"key": "NODE_ENV", "value": "x", "is_preview": True},
        False,
        {"value": "production"},
        id="only the copy",
    ),
    pytest.param(
        {"key": "GREETING", "value": "x"},
        False,
        {"is_literal": False, "comment": "for the front page"},
        id="reset",
    ),
    pytest.param(
        {"key": "SIGNING_KEY", "value": "x", **FOUR},
        False,
        {"is_multiline": True, "value": "hidden"},
        id="shown once",
    ),
    pytest.param(
        {"key": "SIGNING_KEY", "value": "x", **FOUR},
        True,
        {"real_value": "'first line\nsecond line'"},
        id="its copy is shown",
    ),
    pytest.param({"key": "NEW", "value": "x"}, False, {"value": "x", "is_required": False}, id="new"),
    pytest.param({"key": "NEW", "value": "x"}, True, {"value": "x"}, id="new: its copy"),
    pytest.param({"key": "NEW", "value": "x", "is_preview": True}, False, {}, id="new for previews only"),
]


@pytest.mark.parametrize(("item", "preview", "columns"), VARIABLES)
def test_many_variables_are_set_one_by_one(
    item: dict[str, object], *, preview: bool, columns: dict[str, object]
) -> None:
    with visiting("env-app") as (session, client):
        assert write(client, BULK, {"data": [item]}).status == 201
        rows = [
            row
            for row in client.ask("GET", V1 + placed(ENVS[4:], session, "")).body
            if (row["key"], row["is_preview"]) == (item["key"], preview)
        ]
        assert [{key: row.get(key, "hidden") for key in columns} for row in rows] == (
            [columns] if columns else []
        )
        assert violations(session) == []


REFUSED_DATA = [
    pytest.param({"x": 1}, 400, {"message": "Bulk data is required."}, id="no data"),
    pytest.param({"data": []}, 400, {"message": "Bulk data is required."}, id="empty data"),
    pytest.param(
        {"data": [{"key": "A", "value": 5}]},
        422,
        {"value": ["The value field must be a string."]},
        id="a number",
    ),
    pytest.param(
        {"data": [{"key": "A", "value": "x", "is_literal": "maybe"}]},
        422,
        {"is_literal": ["The is literal field must be true or false."]},
        id="a flag",
    ),
    pytest.param(
        {"data": [{"key": "A B", "value": "x"}]},
        422,
        {"key": ["The key field format is invalid."]},
        id="a key",
    ),
    pytest.param({"data": [{"value": "x"}]}, 422, {"key": ["This field is required."]}, id="no key"),
    pytest.param(
        {"data": [{"key": "SIGNING_KEY", "value": "x"}]},
        500,
        {"message": "Server Error"},
        id="flags left out",
    ),
]


@pytest.mark.parametrize(("body", "status", "said"), REFUSED_DATA)
def test_variables_are_refused_in_the_words_of_coolify(
    body: object, status: int, said: dict[str, object]
) -> None:
    with visiting("env-app") as (_, client):
        reply = write(client, BULK, body)
        assert (reply.status, reply.body.get("errors", reply.body)) == (status, said)


def shown(client: Client, kind: str = "application") -> list[dict[str, Any]]:
    """The variables of the stage's first target."""
    rows: list[dict[str, Any]] = client.ask("GET", f"{V1}/{kind}s/{client.stage.uuids[0]}/envs").body
    return rows


def test_a_variable_of_an_application_is_added_with_its_copy_changed_and_deleted() -> None:
    with visiting("env-app") as (session, client):
        added = write(client, f"POST /applications/{U}/envs", {"key": "NEW", "value": " x "})
        assert (added.status, added.body.keys()) == (201, {"uuid"})
        assert [(row["value"], row["is_preview"]) for row in shown(client) if row["key"] == "NEW"] == [
            ("x", False),
            ("x", True),
        ]
        assert write(client, f"POST /applications/{U}/envs", {"key": "NEW", "value": "y"}).status == 409
        changed = write(client, f"PATCH /applications/{U}/envs", {"key": "NEW", "value": "z"})
        assert (changed.status, changed.body["uuid"], changed.body["value"]) == (201, added.body["uuid"], "z")
        path = f"{V1}/applications/{session.uuids[0]}/envs/{added.body['uuid']}"
        assert [client.ask("DELETE", path).status for _ in range(2)] == [200, 404]
        assert [(row["value"], row["is_preview"]) for row in shown(client) if row["key"] == "NEW"] == [
            ("x", True)
        ]


def test_a_variable_of_a_service_is_added_changed_and_deleted() -> None:
    with visiting("env-service") as (session, client):
        added = write(client, f"POST /services/{U}/envs", {"key": "NEW", "value": "x", "is_literal": True})
        assert (added.status, added.body["value"], added.body["is_literal"]) == (201, "x", True)
        assert write(client, f"POST /services/{U}/envs", {"key": "NEW"}).status == 409
        changed = write(client, f"PATCH /services/{U}/envs", {"key": "NEW", "value": "z"})
        assert (changed.status, changed.body["value"], changed.body["is_literal"]) == (201, "z", True)
        assert (
            client.ask("DELETE", f"{V1}/services/{session.uuids[0]}/envs/{added.body['uuid']}").status == 200
        )
        assert "NEW" not in {row["key"] for row in shown(client, "service")}


REFUSED_SINGLES = [
    pytest.param("POST", {"value": "x"}, 422, {"key": ["This field is required."]}, id="no key"),
    pytest.param(
        "POST", {"key": "A B"}, 422, {"key": ["The key field format is invalid."]}, id="a key that is none"
    ),
    pytest.param(
        "POST", {"key": "A", "value": 5}, 422, {"value": ["The value field must be a string."]}, id="a number"
    ),
    pytest.param(
        "POST", {"key": "A", "nope": 1}, 422, {"nope": ["This field is not allowed."]}, id="an unknown field"
    ),
    pytest.param(
        "PATCH",
        {"key": "A", "nope": 1},
        422,
        {"nope": ["This field is not allowed."]},
        id="an unknown field of a change",
    ),
    pytest.param(
        "PATCH", {"key": "NOPE"}, 404, {"message": "Environment variable not found."}, id="a change of none"
    ),
    pytest.param(
        "PATCH", {"key": "SIGNING_KEY", "value": "x"}, 500, {"message": "Server Error"}, id="flags left out"
    ),
]


@pytest.mark.parametrize(("method", "body", "status", "said"), REFUSED_SINGLES)
def test_a_single_variable_is_refused_in_the_words_of_coolify(
    method: str, body: object, status: int, said: dict[str, object]
) -> None:
    with visiting("env-app") as (_, client):
        before = shown(client)
        reply = write(client, f"{method} /applications/{U}/envs", body)
        assert (reply.status, reply.body.get("errors", reply.body)) == (status, said)
        assert shown(client) == before


def test_one_variable_takes_the_flags_of_its_version() -> None:
    for version, flag, status in (
        ("4.0.0-beta.426", "is_build_time", 201),
        ("4.0.0-beta.426", "is_buildtime", 422),
        ("4.0.0-beta.434", "is_buildtime", 201),
        ("4.0.0-beta.434", "is_multiline", 422),
        ("4.3.10", "is_multiline", 201),
        ("4.3.10", "is_build_time", 422),
    ):
        with visiting("env-app", version=version) as (_, client):
            reply = write(client, f"POST /applications/{U}/envs", {"key": "NEW", "value": "x", flag: True})
            assert reply.status == status, (version, flag, reply.body)


def test_what_came_before_a_mistake_stays() -> None:
    with visiting("env-app") as (session, client):
        assert (
            write(
                client, BULK, {"data": [{"key": "SAVED", "value": "1"}, {"key": "BAD", "value": True}]}
            ).status
            == 422
        )
        keys = {row["key"] for row in client.ask("GET", V1 + placed(ENVS[4:], session, "")).body}
        assert ("SAVED" in keys, "BAD" in keys) == (True, False)


def test_a_service_keeps_what_is_not_sent() -> None:
    with visiting("env-service") as (session, client):
        new, old = write(
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
            row["is_preview"] for row in client.ask("GET", f"{V1}/services/{session.uuids[0]}/envs").body
        )
        assert violations(session) == []
