"""Coolify: environment variables, from dotenv text to the request. No value is ever shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from deployer.model import RefusedError
from deployer.providers.coolify.api.versions import Version
from deployer.providers.coolify.changes import envs
from deployer.providers.coolify.changes.envs import EnvChange
from tests.providers.coolify.support import NEW, body

MARKED = "mArKeDsecret"
NEWEST, OLDEST = Version(NEW), Version("4.0.0-beta.380")

many_examples = settings(derandomize=True, database=None, deadline=None, max_examples=150)

# --- parsing

DOTENV = """
# a comment

export A=1 # a remark
B='two # words'
C="line 1
line 2 ${HOME}"
D = ${PATH}-$HOME
E=
F="\\n\\t"
"""


MISTAKES = (
    "is not KEY=value (a value of several lines must be quoted)",
    "has an invalid key: only letters, digits, _ and . are allowed, and no digit first",
    "has a value with a NUL character, which is not allowed",
    "has a value that is not UTF-",
)
MISTAKES_AFTER = ("has the same key as line",)


def values(text: str) -> dict[str, str]:
    return {key: value.get_secret_value() for key, value in envs.parse(text).items()}


def test_dotenv_is_read_and_nothing_is_expanded() -> None:
    assert values(DOTENV) == {
        "A": "1",
        "B": "two # words",
        "C": "line 1\nline 2 ${HOME}",
        "D": "${PATH}-$HOME",
        "E": "",
        "F": "\n\t",
    }


def test_every_mistake_is_reported_by_its_line() -> None:
    text = f"A=1\n\n\n{MARKED}\nB-C={MARKED}\nA={MARKED}\n9={MARKED}\nD='{MARKED}\n={MARKED}\nE=a\0b"
    with pytest.raises(ValueError, match="line") as caught:
        envs.parse(text)
    assert str(caught.value).split("; ") == [
        "line 4 is not KEY=value (a value of several lines must be quoted)",
        "line 5 has an invalid key: only letters, digits, _ and . are allowed, and no digit first",
        "line 6 has the same key as line 1",
        "line 7 has an invalid key: only letters, digits, _ and . are allowed, and no digit first",
        "line 8 is not KEY=value (a value of several lines must be quoted)",
        "line 9 is not KEY=value (a value of several lines must be quoted)",
        "line 10 has a value with a NUL character, which is not allowed",
    ]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=repr)
def test_lines_are_counted_with_any_line_ending(newline: str) -> None:
    with pytest.raises(ValueError, match="line") as caught:
        envs.parse("\ufeff" + newline.join(["A=1", "", "oops'", "B='2", "'", "  A=2", "#", ""]))
    assert str(caught.value).split("; ") == [f"line 3 {MISTAKES[0]}", "line 6 has the same key as line 1"]


def test_many_mistakes_are_counted() -> None:
    with pytest.raises(ValueError, match=r"; and 15 more$"):
        envs.parse("oops\n" * 25)


keys = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.]{0,8}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@many_examples
@given(st.dictionaries(keys, texts, max_size=6))
def test_a_quoted_value_is_parsed_unchanged(requested: dict[str, str]) -> None:
    quoted = {key: value.replace("\\", "\\\\").replace("'", "\\'") for key, value in requested.items()}
    assert values("\n".join(f"{key}='{value}'" for key, value in quoted.items())) == requested


@many_examples
@given(
    st.lists(
        st.one_of(
            st.text(max_size=20),
            st.sampled_from(["A=", "'", '"', "\n", "export ", "#", "${HOME}", "\\", "=", "\r\n"]),
        )
    )
)
def test_no_mistake_contains_any_of_the_text(parts: list[str]) -> None:
    """A mistake consists of our words and of numbers, whatever the text."""
    numbers = str.maketrans("", "", "0123456789")
    known = {f"line  {each}".strip() for each in (*MISTAKES, *MISTAKES_AFTER)}
    try:
        read = envs.parse("".join(parts))
    except ValueError as error:
        mistakes = {mistake.translate(numbers).strip() for mistake in str(error).split("; ")}
        assert mistakes <= known | {"and  more"}
    else:
        assert all(envs.KEY.fullmatch(key) for key in read)


# --- the request


def secrets(**given: str) -> dict[str, SecretStr]:
    return {key: SecretStr(value) for key, value in given.items()}


PLAIN = {"is_literal": False, "is_multiline": False, "is_shown_once": False}
ROW_FOO = {"is_buildtime": True, "is_build_time": True, "is_runtime": True}
COPIES = "; Coolify also creates a copy of each new one for previews"


def test_only_new_and_different_variables_are_sent_with_every_flag() -> None:
    rows = body("env_list_sensitive")
    planned = envs.plan(
        secrets(FOO="bar", NIXPACKS_NODE_VERSION=MARKED, NEW="1\n2"), rows, "application", NEWEST
    )
    assert planned == EnvChange(
        {
            "data": [
                {
                    "key": "NIXPACKS_NODE_VERSION",
                    "value": MARKED,
                    "is_preview": False,
                    **PLAIN,
                    "is_buildtime": True,
                    "is_build_time": True,
                    "is_runtime": False,
                },
                {"key": "NEW", "value": "1\n2", "is_preview": False, **PLAIN, "is_multiline": True},
            ]
        },
        added=("NEW",),
        changed=("NIXPACKS_NODE_VERSION",),
        unchanged=("FOO",),
        note=COPIES,
    )
    assert (
        planned.summary == f"variables: 1 added (NEW), 1 changed (NIXPACKS_NODE_VERSION), 1 unchanged{COPIES}"
    )
    assert MARKED not in repr(planned)


def test_nothing_is_sent_if_all_values_are_equal() -> None:
    planned = envs.plan(secrets(FOO=" bar\n"), body("env_list_sensitive"), "application", NEWEST)
    assert (planned, planned.summary) == (
        EnvChange(unchanged=("FOO",)),
        "variables: 0 added, 0 changed, 1 unchanged",
    )


def test_a_preview_has_variables_of_its_own() -> None:
    planned = envs.plan(
        secrets(ML="a\nb\n", FOO="x"), body("env_list_sensitive"), "application", NEWEST, preview=True
    )
    item = {"key": "FOO", "value": "x", "is_preview": True, **PLAIN, **ROW_FOO}
    assert planned == EnvChange({"data": [item]}, changed=("FOO",), unchanged=("ML",), preview=True)
    assert planned.summary == "preview variables: 0 added, 1 changed (FOO), 1 unchanged"


def test_flags_and_comment_are_kept_and_a_value_shown_once_counts_as_changed() -> None:
    planned = envs.plan(secrets(ML="n"), body("env_list_sensitive"), "application", NEWEST)
    flags = {
        "is_preview": False,
        "is_literal": True,
        "is_multiline": True,
        "is_shown_once": True,
        "is_runtime": True,
        "comment": "c",
    }
    assert planned.body == {
        "data": [{"key": "ML", "value": "n", **flags, "is_buildtime": False, "is_build_time": False}]
    }
    assert planned.warnings == ("ML: counted as changed, because Coolify shows the value only once",)


def test_a_value_that_may_not_be_read_counts_as_changed() -> None:
    planned = envs.plan(secrets(FOO="bar", NEW="1"), body("env_list_read"), "application", NEWEST)
    assert (planned.added, planned.changed, planned.unchanged) == (("NEW",), ("FOO",), ())
    assert planned.warnings == (
        "FOO: counted as changed, because the token may not read the current value (read:sensitive)",
    )


@pytest.mark.parametrize(
    ("kind", "name"), [("service", "services_env_list"), ("database", "databases_env_list")]
)
def test_services_and_databases_accept_fewer_flags(kind: str, name: str) -> None:
    planned = envs.plan(secrets(FOO2=MARKED, N="1", X="y"), body(name), kind, NEWEST)
    assert planned.body == {
        "data": [{"key": "FOO2", "value": MARKED, **PLAIN}, {"key": "X", "value": "y", **PLAIN}]
    }
    assert planned.summary == "variables: 1 added (X), 1 changed (FOO2), 1 unchanged"


def test_the_build_flag_is_sent_under_both_names() -> None:
    row = {"key": "FOO", "value": "b5", "is_build_time": True, "is_preview": False, **PLAIN}
    planned = envs.plan(secrets(FOO="b6"), [row], "application", OLDEST)
    assert planned.body["data"] == [{**row, "value": "b6", "is_buildtime": True}]


def test_values_that_coolify_stores_differently_are_reported() -> None:
    planned = envs.plan(secrets(KEY=f"{MARKED}\n", NONE="", BLANK="  "), [], "service", NEWEST)
    assert planned.warnings == (
        "KEY: Coolify removes spaces and line breaks at both ends of a value (a key file loses its last one)",
        "NONE, BLANK: Coolify stores an empty value as no value",
    )


@pytest.mark.parametrize(
    ("kind", "version", "preview", "expected"),
    [
        pytest.param("service", NEWEST, True, "a service has no preview", id="preview-of-a-service"),
        pytest.param(
            "database",
            Version("4.0.0-beta.463"),
            False,
            "can't set the variables of a database",
            id="old-database",
        ),
        pytest.param("application", Version("4.0.0-beta.434"), False, "Set ML in Coolify", id="flags-lost"),
    ],
)
def test_what_a_version_does_not_support_is_refused(
    kind: str, version: Version, preview: bool, expected: str
) -> None:
    with pytest.raises(RefusedError, match=expected):
        envs.plan(secrets(ML=MARKED), body("env_list_sensitive"), kind, version, preview=preview)


@pytest.mark.parametrize(
    ("rows", "lost"),
    [
        pytest.param([], True, id="new"),
        pytest.param(
            [{"key": "PEM", "value": "one line", "is_preview": False, **PLAIN}], True, id="one-line-before"
        ),
        pytest.param([{"key": "PEM", "value": "one\ntwo", "is_preview": False, **PLAIN}], False, id="equal"),
    ],
)
def test_before_beta_435_a_variable_of_several_lines_would_lose_its_flag(
    rows: list[dict[str, Any]], *, lost: bool
) -> None:
    """coolify-api 5.9 quirk 1: the bulk request drops the flag."""
    requested, old = secrets(A="1", PEM="one\ntwo"), Version("4.0.0-beta.434")
    assert envs.plan(requested, rows, "application", Version("4.0.0-beta.435")).body
    if not lost:
        assert [item["key"] for item in envs.plan(requested, rows, "application", old).body["data"]] == ["A"]
        return
    with pytest.raises(
        RefusedError,
        match=r"can't set variables that are multi-line or shown only once through its API\. Set PEM in "
        r"Coolify",
    ):
        envs.plan(requested, rows, "application", old)


@many_examples
@given(st.dictionaries(keys, texts.map(lambda text: f"{text}{MARKED}{text}"), max_size=4))
def test_no_value_is_ever_shown(requested: dict[str, str]) -> None:
    rows = [*body("env_list_sensitive"), *({"key": key, "value": f"old{MARKED}"} for key in [*requested][:2])]
    planned = envs.plan(secrets(**requested), rows, "application", NEWEST)
    assert MARKED not in repr(planned) + planned.summary
