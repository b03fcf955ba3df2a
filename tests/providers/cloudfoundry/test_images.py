"""The image that the input `image` means for an app."""

import pytest

from deployer.model import RefusedError
from deployer.providers.cloudfoundry import images


@pytest.mark.parametrize(
    ("image", "current", "expected"),
    [
        pytest.param("a/b:2", "a/b:1", "a/b:2", id="whole"),
        pytest.param(":2", "a/b:1", "a/b:2", id="tag"),
        pytest.param(":2", "registry:5000/a/b", "registry:5000/a/b:2", id="port-and-no-tag"),
        pytest.param(":2", f"a/b@sha256:{'0' * 64}", "a/b:2", id="digest"),
        pytest.param(":2", f"a/b:1@sha256:{'0' * 64}", "a/b:2", id="tag-and-digest"),
        pytest.param(":2", "b", "b:2", id="name-alone"),
    ],
)
def test_a_tag_alone_is_another_tag_of_the_same_image(image: str, current: str, expected: str) -> None:
    assert images.full_name(image, current) == expected


def test_a_tag_alone_requires_a_current_image() -> None:
    with pytest.raises(RefusedError, match="Set it to name:tag"):
        images.full_name(":2", "")
