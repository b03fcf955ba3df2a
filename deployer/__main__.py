"""The way in: holds the signals back before anything else is imported, because as PID 1 a SIGTERM would be lost until then."""

# The built-in half of `signal`, whose other half imports enum: that takes several milliseconds.
import _signal  # type: ignore[import-not-found]
import sys


def run() -> int:
    """The program; its exit code is the verdict."""
    try:
        hold_signals()
    except KeyboardInterrupt:  # a SIGINT that came just before
        hold_signals()
        _signal.raise_signal(_signal.SIGINT)
    from deployer.clock import Clock

    clock = Clock()
    clock.listen()
    from deployer.main import main

    return main(clock=clock)


def hold_signals() -> None:
    """Block the signals that end a job until `Clock.listen` takes charge of them. What is blocked is kept, even for PID 1."""
    if hasattr(_signal, "pthread_sigmask"):  # not on Windows
        _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP))


if __name__ == "__main__":
    sys.exit(run())
