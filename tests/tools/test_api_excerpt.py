"""The excerpts of the servers' OpenAPI documents contain only the requests that we use, without prose."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tools import api_excerpt

EXCERPTS = Path(__file__).parents[1] / "contracts" / "openapi"
PROSE = {"summary": "prose", "description": "prose", "example": "prose"}
GUID = {"name": "guid", "in": "path", **PROSE}
DOCUMENT: dict[str, Any] = {
    "paths": {
        "/v3/apps/{guid}": {
            "parameters": [{"$ref": "#/components/parameters/Guid"}],
            "get": {
                "parameters": [{"name": "include"}],
                "responses": {"200": {"$ref": "#/components/responses/App"}, "404": PROSE},
                **PROSE,
            },
            "put": {"responses": {}},
        },
        "/v3/packages": {
            "post": {
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {"properties": {"type": {"enum": ["docker"], **PROSE}}}
                        }
                    }
                },
                "responses": {
                    "201": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Errors"}}}
                    }
                },
            }
        },
        "/v3/stacks": {"get": {"responses": {}}},
    },
    "components": {
        "parameters": {"Guid": GUID},
        "responses": {
            "App": {
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/App"}}},
                **PROSE,
            }
        },
        "schemas": {
            "App": {"allOf": [{"$ref": "#/components/schemas/Base"}], "required": ["guid"], **PROSE},
            "Base": {
                "type": "object",
                "properties": {"names": {"type": "array", "items": {"type": "string", **PROSE}}},
            },
            "Errors": {"type": "object"},
            "Stack": {"type": "object"},
        },
    },
}
APP = {"$ref": "#/components/schemas/App"}


def test_excerpt_contains_used_requests_and_their_references_without_prose() -> None:
    assert api_excerpt.excerpt(DOCUMENT, "somewhere", *api_excerpt.PLATFORMS["cloudfoundry"]) == {
        "x-source": "somewhere",
        "paths": {
            "/v3/apps/{guid}": {
                "get": {
                    "parameters": [{"name": "include"}, {"name": "guid"}],
                    "responses": {"200": {"$ref": "#/components/responses/App"}},
                }
            },
            "/v3/packages": {
                "post": {
                    "parameters": [],
                    "requestBody": {
                        "content": {
                            "application/json": {"schema": {"properties": {"type": {"enum": ["docker"]}}}}
                        }
                    },
                    "responses": {
                        "201": {
                            "content": {
                                "application/json": {"schema": {"$ref": "#/components/schemas/Errors"}}
                            }
                        }
                    },
                }
            },
        },
        "components": {
            "responses": {"App": {"content": {"application/json": {"schema": APP}}}},
            "schemas": {
                "App": {"allOf": [{"$ref": "#/components/schemas/Base"}], "required": ["guid"]},
                "Base": {
                    "type": "object",
                    "properties": {"names": {"type": "array", "items": {"type": "string"}}},
                },
                "Errors": {"type": "object"},
            },
        },
    }


@pytest.mark.parametrize("name", sorted(path.stem for path in EXCERPTS.glob("*.json")))
def test_committed_excerpt_contains_nothing_else(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The excerpt of an excerpt is the same: manual additions would be left out."""
    text = (EXCERPTS / f"{name}.json").read_text("utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert (
        api_excerpt.main(
            ["coolify" if name.startswith("coolify") else "cloudfoundry", json.loads(text)["x-source"]]
        )
        == 0
    )
    assert capsys.readouterr().out == text
