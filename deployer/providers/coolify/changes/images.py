"""PURE: the image of an application, and the fields in which Coolify stores it (coolify-api 5.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployer.model import RefusedError
from deployer.providers import images

NAME_FIELD, TAG_FIELD = "docker_registry_image_name", "docker_registry_image_tag"
BUILD_PACK = "dockerimage"

MARK = "@sha256"
"""What stands between a name and a digest, but for the colon."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image with a tag or a digest."""

    name: str
    """Empty for `:tag` alone, which stands for another tag of the application's image."""
    tag: str = ""
    digest: str = ""
    """64 hex digits; then `tag` is empty."""

    def __str__(self) -> str:
        """As Docker writes it."""
        return f"{self.name}{MARK}:{self.digest}" if self.digest else f"{self.name}:{self.tag}"

    @property
    def fields(self) -> dict[str, str]:
        """The two fields of the application, in the form that every version accepts.

        Coolify only joins them with a colon (coolify-api 5.7).
        """
        if self.digest:
            return {NAME_FIELD: f"{self.name}{MARK}", TAG_FIELD: self.digest}
        return {NAME_FIELD: self.name, TAG_FIELD: self.tag}


def parsed(text: str) -> Image:
    """The image that an input names. Coolify allows no upper case in its name (coolify-api 5.7).

    Raises ValueError with a sentence that does not repeat the text, which may contain a password.
    """
    reference = images.parse(text)
    if reference.name != reference.name.lower():
        raise ValueError(f"must be lower case: {images.FORMS}")
    return Image(reference.name, "" if reference.digest else reference.tag, reference.digest)


def current(row: Mapping[str, Any]) -> Image:
    """The image of an application, in whichever form its two fields contain it."""
    name, tag = str(row.get(NAME_FIELD) or ""), str(row.get(TAG_FIELD) or "")
    digest = tag.removeprefix("sha256-")
    if images.DIGEST.fullmatch(digest) and (name.endswith(MARK) or tag != digest):
        return Image(name.removesuffix(MARK), digest=digest)
    plain, _, digest = name.partition(f"{MARK}:")
    if images.DIGEST.fullmatch(digest):
        return Image(plain, digest=digest)
    bare, inner = images.split(name)
    return Image(bare, tag or inner or "latest")


def complete(row: Mapping[str, Any], requested: Image) -> Image:
    """The requested image, with the application's current name if it is only a tag.

    Raises RefusedError if the application is built from source, or has no name to complete it with.
    """
    pack = row.get("build_pack")
    if pack != BUILD_PACK:
        raise RefusedError(
            f"`image` is only for Docker-image applications, and this one is built from source ({pack}): "
            "there, these fields name where Coolify pushes the built image. Use `commit`, or remove `image`"
        )
    name = requested.name or current(row).name
    if not name:
        raise RefusedError("`image` is only a tag, and the application has no image yet. Set it to name:tag")
    return Image(name, requested.tag, requested.digest)


def changed(row: Mapping[str, Any], requested: Image) -> dict[str, str]:
    """The fields to send; empty if the application already has this image.

    Raises RefusedError like `complete`.
    """
    image = complete(row, requested)
    if image == current(row):
        return {}
    return {name: value for name, value in image.fields.items() if row.get(name) != value}
