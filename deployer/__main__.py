"""Entry point: blocks signals before any other import, since PID 1 would lose a SIGTERM until then."""

# The built-in half of `signal`: the other half imports enum, which takes several milliseconds.
import _signal  # type: ignore[import-not-found]
import sys


def run() -> int:
    """Run the program, and return its exit code, which is the verdict."""
    try:
        hold_signals()
    except KeyboardInterrupt:  # a SIGINT that was received just before
        hold_signals()
        _signal.raise_signal(_signal.SIGINT)
    from deployer.clock import Clock

    clock = Clock()
    clock.listen()
    from deployer.main import main

    return main(clock=clock)


def hold_signals() -> None:
    """Block the signals that end a job until `Clock.listen` handles them.

    Blocked signals are kept, even for PID 1.
    """
    if hasattr(_signal, "pthread_sigmask"):  # not on Windows
        _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP))


if __name__ == "__main__":
    sys.exit(run())
