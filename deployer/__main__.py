"""The way in: takes charge of the signals before anything else is imported, because as PID 1 a SIGTERM would be lost until then."""

import sys

from deployer.clock import Clock


def run() -> int:
    """The program; its exit code is the verdict."""
    clock = Clock()
    clock.listen()
    from deployer.main import main

    return main(clock=clock)


if __name__ == "__main__":
    sys.exit(run())
