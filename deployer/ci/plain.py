"""Plain text, for terminals and unknown CI systems: the defaults of base.py."""

from __future__ import annotations

from collections.abc import Mapping

from deployer.ci.base import CI


class Plain(CI):
    @staticmethod
    def detects(environ: Mapping[str, str]) -> bool:  # noqa: ARG004 -- the fallback for everything
        return True
