#!/usr/bin/env bash
# Finds a Python for start.py and becomes it. Nothing is installed, and the job's PATH stays as it is.
set -euo pipefail

new_enough() {
  # Debian's python3 comes without venv, and Windows has a `python3` that only opens a shop: both are seen here.
  "$1" -I -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# What the job has set up comes first, then what hosted runners keep at hand.
for python in python3 python python3.14 python3.13 python3.12 python3.11 \
  "${RUNNER_TOOL_CACHE:-}"/Python/3.1[1-9].*/*/bin/python3 "${RUNNER_TOOL_CACHE:-}"/Python/3.1[1-9].*/*/python.exe; do
  if new_enough "$python"; then
    exec "$python" -I "$(dirname "${BASH_SOURCE[0]}")/start.py"
  fi
done
echo "::error title=Deployer::no Python 3.11 or later with venv was found: put actions/setup-python before this step"
exit 2
