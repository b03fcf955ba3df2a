#!/usr/bin/env python3
"""The container's and the action's way in: the exit code is the verdict."""

import sys

from deployer.__main__ import run

if __name__ == "__main__":
    sys.exit(run())
