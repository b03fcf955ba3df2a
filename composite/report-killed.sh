#!/usr/bin/env bash
# Only names the deployment that may still be running. It is not cancelled: the program was killed before it could say
# whether the deployment is its own, and somebody else's deployment is never cancelled.
set -euo pipefail
shown="${DEPLOYMENT_URL:-$DEPLOYMENTS}"
shown="${shown//[$'\r\n']/}"
echo "::error title=Deployer::the runner killed the program before it could cancel its deployment, which may still be running. See ${shown//%/%25}"
