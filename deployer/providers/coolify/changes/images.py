"""PURE: a Docker image as people write it, as an application of Coolify's holds it, and what is sent to change it (coolify-api 5.7)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployer.model import RefusedError

NAME_FIELD, TAG_FIELD = "docker_registry_image_name", "docker_registry_image_tag"
BUILD_PACK = "dockerimage"

PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
NAME = re.compile(rf"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?:\d{{1,5}}/)?{PART}(?:/{PART})*")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
DIGEST = re.compile(r"[0-9a-f]{64}")
MARK = "@sha256"
FORMS = "write name:tag, name@sha256:<64 hex digits>, or only :tag"


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
    """Raises ValueError with a sentence that does not hold the text: a password may stand in it.

    Of `name:tag@sha256:…` the digest counts, as it does for Docker.
    """
    text = text.strip()
    if "://" in text:
        raise ValueError(f"is an address, not an image: {FORMS}")
    named, at, digest = text.partition(f"{MARK}:")
    name, tag = _split(named)
    if at and not DIGEST.fullmatch(digest):
        raise ValueError("must end in 64 hex digits (0-9, a-f) after @sha256:")
    if tag is not None and not TAG.fullmatch(tag):
        raise ValueError("has a tag that is none: letters, digits and _.- only, at most 128")
    if not name and tag and not at:
        return Image("", tag)
    if not NAME.fullmatch(name):
        what = "must be written in lower case" if NAME.fullmatch(name.lower()) else "is no image"
        raise ValueError(f"{what}: {FORMS}")
    if tag is None and not at:
        raise ValueError(f"has no tag; `latest` must be written out, too: {FORMS}")
    return Image(name, digest=digest) if at else Image(name, tag or "")


def _split(text: str) -> tuple[str, str | None]:
    """Name and tag; a colon before the last slash belongs to the registry's port."""
    head, slash, last = text.rpartition("/")
    name, colon, tag = last.partition(":")
    return head + slash + name, tag if colon else None


def held(row: Mapping[str, Any]) -> Image:
    """The application's image, in whichever spelling its fields hold it."""
    name, tag = str(row.get(NAME_FIELD) or ""), str(row.get(TAG_FIELD) or "")
    digest = tag.removeprefix("sha256-")
    if DIGEST.fullmatch(digest) and (name.endswith(MARK) or tag != digest):
        return Image(name.removesuffix(MARK), digest=digest)
    plain, _, digest = name.partition(f"{MARK}:")
    if DIGEST.fullmatch(digest):
        return Image(plain, digest=digest)
    bare, inner = _split(name)
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
