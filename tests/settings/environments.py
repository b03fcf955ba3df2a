"""Environments, and the inputs read from them."""

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


VALID = {"COOLIFY_URL": BASE, "COOLIFY_TOKEN": TOKEN, "DEPLOYER_UUID": WEB}


def raw_inputs(environ: Mapping[str, str], prefix: str = "") -> RawInputs:
    return look_up(GROUPS, environ, prefix)


def read(environ: Mapping[str, str], prefix: str = "") -> tuple[Common | None, Coolify | None, RawInputs]:
    raw = raw_inputs(environ, prefix)
    return Common.read(raw), Coolify.read(raw), raw


def common(**environ: str) -> Common:
    values, _, raw = read({**VALID, **environ})
    assert values is not None, raw.mistakes
    return values


def mistakes(environ: Mapping[str, str], prefix: str = "") -> list[str]:
    return read(environ, prefix)[2].mistakes


def mistake_of(variable: str, value: str) -> str:
    """Return the only mistake that a value causes, without the name of the input."""
    messages = mistakes({**VALID, variable: value})
    assert len(messages) == 1, messages
    name, _, message = messages[0].partition(": ")
    assert name == variable
    return message


UUID_HOOK, TAG_HOOK = (
    f"{BASE}/api/v1/deploy?uuid={WEB}&force=false",
    f"{BASE}/api/v1/deploy?tag=blue&force=false",
)
