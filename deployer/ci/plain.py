"""Plain text, for the terminal and for every CI system that we do not know: the contract's own way, in all that it says."""

from __future__ import annotations

from collections.abc import Mapping

from deployer.ci.base import CI


class Plain(CI):
    @staticmethod
    def detects(environ: Mapping[str, str]) -> bool:  # noqa: ARG004 — wherever else we may be
        return True
