#!/usr/bin/env bash
# Finds a Python for start.py and replaces itself by it. Installs nothing, and does not change the job's PATH.
set -euo pipefail

new_enough() {
  # Debian's python3 may lack venv, and the `python3` of Windows only opens the store: both fail here.
  "$1" -I -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# First what the job has set up, then what hosted runners have in their tool cache.
for python in python3 python python3.14 python3.13 python3.12 python3.11 \
  "${RUNNER_TOOL_CACHE:-}"/Python/3.1[1-9].*/*/bin/python3 "${RUNNER_TOOL_CACHE:-}"/Python/3.1[1-9].*/*/python.exe; do
  if new_enough "$python"; then
    exec "$python" -I "$(dirname "${BASH_SOURCE[0]}")/start.py"
  fi
done
echo "::error title=Deployer::no Python 3.11 or later with venv was found. Add a step with actions/setup-python before this one"
exit 2
