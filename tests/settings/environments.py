"""Environments, and what is read from them."""

from __future__ import annotations

from collections.abc import Mapping

from deployer.providers.coolify.inputs.fields import Coolify
from deployer.settings import Common, RawInputs, look_up

GROUPS = (Common, Coolify)


BASE = "https://coolify.example.com"


WEB = "ptofe13hijui9bkafqyhz7yy"


MARK = "mArKeDsecret"


TOKEN = f"7|{MARK}0000000000000000000000000000000000"


OTHER_TOKEN = f"8|{MARK}1111111111111111111111111111111111"


GOOD = {"COOLIFY_URL": BASE, "COOLIFY_TOKEN": TOKEN, "DEPLOYER_UUID": WEB}


def found(environ: Mapping[str, str], prefix: str = "") -> RawInputs:
    return look_up(GROUPS, environ, prefix)


def read(environ: Mapping[str, str], prefix: str = "") -> tuple[Common | None, Coolify | None, RawInputs]:
    given = found(environ, prefix)
    return Common.read(given), Coolify.read(given), given


def common(**environ: str) -> Common:
    values, _, given = read({**GOOD, **environ})
    assert values is not None, given.mistakes
    return values


def mistakes(environ: Mapping[str, str], prefix: str = "") -> list[str]:
    return read(environ, prefix)[2].mistakes


def refused(variable: str, value: str) -> str:
    """The one mistake of a value, without the name before it."""
    told = mistakes({**GOOD, variable: value})
    assert len(told) == 1, told
    name, _, words = told[0].partition(": ")
    assert name == variable
    return words


UUID_HOOK, TAG_HOOK = (
    f"{BASE}/api/v1/deploy?uuid={WEB}&force=false",
    f"{BASE}/api/v1/deploy?tag=blue&force=false",
)
