"""PURE: errors in the input `image`."""

from __future__ import annotations

from deployer.providers import images
from deployer.settings import RawInputs


def mistakes(raw: RawInputs) -> list[str]:
    """Errors in `image`, as a sentence that does not show it: it may contain a password."""
    if "image" not in raw or not raw.text("image"):
        return []
    try:
        images.parse(raw.text("image"))
    except ValueError as error:
        return [f"{raw.as_typed('image')}: {error}"]
    return []
