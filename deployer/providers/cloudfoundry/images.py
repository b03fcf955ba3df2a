"""PURE: the input `image`: whether it is valid, and which image it means for an app."""

from __future__ import annotations

from deployer.model import RefusedError
from deployer.providers import images
from deployer.settings import RawInputs


def mistakes(raw: RawInputs) -> list[str]:
    """What is wrong with `image`, as a sentence that does not repeat it: it may contain a password."""
    if "image" not in raw or not raw.text("image"):
        return []
    try:
        images.parse(raw.text("image"))
    except ValueError as error:
        return [f"{raw.as_typed('image')}: {error}"]
    return []


def full_name(image: str, current: str) -> str:
    """The full name of an image that may be only `:tag`: then it is another tag of the app's current image.

    Raises RefusedError if it is only a tag, and the app has no image.
    """
    if not image.startswith(":"):
        return image
    if not current:
        raise RefusedError("`image` is only a tag, and the app has no image yet. Set it to name:tag")
    head, slash, last = current.partition("@")[0].rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}{image}"


def change(old: str, new: str) -> str:
    """What the deployment changes, as a phrase. The same tag may contain something else by now."""
    if old == new:
        return f"image: {new}, staged again"
    return f"image: {old} → {new}" if old else f"image: {new}"
