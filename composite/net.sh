#!/usr/bin/env bash
# Only names what may still be running: what was killed could not say whether the deployment was its own, and no other is ever cancelled.
set -euo pipefail
told="${DEPLOYMENT_URL:-$DEPLOYMENTS}"
told="${told//[$'\r\n']/}"
echo "::error title=Deployer::the runner ended the program before it could stop its deployment: it may still be running, see ${told//%/%25}"
