"""PURE: a Docker image as people write it, as an application of Coolify's holds it, and what is sent to change it (coolify-api 5.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployer.model import RefusedError
from deployer.providers import images

NAME_FIELD, TAG_FIELD = "docker_registry_image_name", "docker_registry_image_tag"
BUILD_PACK = "dockerimage"

MARK = "@sha256"


@dataclass(frozen=True, slots=True)
class Image:
    """An image. Without a name: another tag of the one that the application has. A digest leaves no room for a tag."""

    name: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        """As Docker writes it."""
        return f"{self.name}{MARK}:{self.digest}" if self.digest else f"{self.name}:{self.tag}"

    @property
    def fields(self) -> dict[str, str]:
        """The two fields in the form that every version takes: it only puts a colon between them (coolify-api 5.7)."""
        if self.digest:
            return {NAME_FIELD: f"{self.name}{MARK}", TAG_FIELD: self.digest}
        return {NAME_FIELD: self.name, TAG_FIELD: self.tag}


def parsed(text: str) -> Image:
    """The image that people have written. Raises ValueError with a sentence that does not repeat the text: a password may stand in it.

    Coolify takes no upper case anywhere in the name (coolify-api 5.7).
    """
    reference = images.parse(text)
    if reference.name != reference.name.lower():
        raise ValueError(f"must be lower case: {images.FORMS}")
    return Image(reference.name, "" if reference.digest else reference.tag, reference.digest)


def held(row: Mapping[str, Any]) -> Image:
    """The application's image, in whichever spelling its fields hold it."""
    name, tag = str(row.get(NAME_FIELD) or ""), str(row.get(TAG_FIELD) or "")
    digest = tag.removeprefix("sha256-")
    if images.DIGEST.fullmatch(digest) and (name.endswith(MARK) or tag != digest):
        return Image(name.removesuffix(MARK), digest=digest)
    plain, _, digest = name.partition(f"{MARK}:")
    if images.DIGEST.fullmatch(digest):
        return Image(plain, digest=digest)
    bare, inner = images.split(name)
    return Image(bare, tag or inner or "latest")


def wanted(row: Mapping[str, Any], wished: Image) -> Image:
    """The image in full: `:tag` keeps the name. Raises RefusedError where Coolify does not deploy an image by name."""
    pack = row.get("build_pack")
    if pack != BUILD_PACK:
        raise RefusedError(
            f"`image` is only for Docker-image applications, and this one is built from its source ({pack}): "
            "there Coolify takes these fields for the place where it pushes what it has built. Use `commit`, or deploy without `image`"
        )
    name = wished.name or held(row).name
    if not name:
        raise RefusedError("`image` names only a tag, and the application has no image yet: give name:tag")
    return Image(name, wished.tag, wished.digest)


def changed(row: Mapping[str, Any], wished: Image) -> dict[str, str]:
    """The fields to send; none where the application has this image already. Raises RefusedError as `wanted` does."""
    image = wanted(row, wished)
    if image == held(row):
        return {}
    return {name: value for name, value in image.fields.items() if row.get(name) != value}
