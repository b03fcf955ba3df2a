"""PURE: what is wrong with the input `image`. Which image the app has, only the server knows."""

from __future__ import annotations

from deployer.providers import images
from deployer.settings import RawInputs


def mistakes(raw: RawInputs) -> list[str]:
    """What is wrong with `image`, in a sentence that does not repeat it: a password may stand in it."""
    if "image" not in raw or not raw.text("image"):
        return []
    try:
        images.parse(raw.text("image"))
    except ValueError as error:
        return [f"{raw.as_typed('image')}: {error}"]
    return []
