"""`python -m deployer.simulator`: serves a scenario to other clients until it is interrupted."""

import argparse
import signal
import sys
import threading

from deployer.simulator import SCENARIOS, VERSIONS, simulating


def main(arguments: list[str] | None = None) -> int:
    """Serve one scenario. Returns the exit code: 2 for a wrong argument."""
    parser = argparse.ArgumentParser(
        prog="python -m deployer.simulator", description="A simulated Coolify on loopback."
    )
    parser.add_argument("--scenario", default="success", help="the scenario to serve (default: success)")
    parser.add_argument("--port", type=int, default=8000, help="0 for any free port (default: 8000)")
    parser.add_argument(
        "--speed", type=float, default=1.0, help="simulated seconds per real second (default: 1)"
    )
    parser.add_argument(
        "--version-of-coolify",
        metavar="VERSION",
        help=f"instead of the scenario's own version: {', '.join(VERSIONS)}",
    )
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    options = parser.parse_args(arguments)
    if options.list:
        for scenario in SCENARIOS.values():
            print(f"{scenario.name:22} {scenario.summary}")
        return 0
    # A background job, or PID 1 in a container, would ignore these signals.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with simulating(
            options.scenario, speed=options.speed, port=options.port, version=options.version_of_coolify
        ) as session:
            print(f"{options.scenario}: {session.scenario.summary}")
            print(f"COOLIFY_URL={session.url}")
            print(f"COOLIFY_TOKEN='{session.token}'")
            print(f"COOLIFY_UUID={','.join(session.uuids)}")
            trigger = f"curl -X POST -H 'Accept: application/json' -H 'Authorization: Bearer {session.token}'"
            print(f"{trigger} '{session.url}/api/v1/deploy?uuid={session.uuids[0]}'", flush=True)
            threading.Event().wait()
    except KeyboardInterrupt:
        return 0
    except (ValueError, OSError) as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
