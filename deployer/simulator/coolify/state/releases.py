"""Which version a deployment starts.

The branch's head, a pinned commit, or an earlier one (coolify-api 5.3, 5.7).
"""

from dataclasses import replace

from deployer.simulator.coolify.state.deployments import App, DeployOptions, committed
from deployer.simulator.coolify.state.older_versions import older
from deployer.simulator.coolify.state.script import Script, recorded
from deployer.simulator.coolify.versions import Pin, Version

HEAD = "HEAD"
BACK = recorded("dockerimage_ok", 20)  # a rollback does not build: it starts an existing image


def pinned(app: App) -> str:
    """The commit that an application from a repository is pinned to; empty if none."""
    commit = str(app.fields.get("git_commit_sha") or HEAD)
    return "" if commit == HEAD or app.kind == "image" else commit


def wanted(app: App, version: Version) -> str:
    """The commit of a new record, by which it counts as equal to another one (coolify-api 5.1 quirk 3)."""
    return (pinned(app) if version.pins in {Pin.SHOWN, Pin.KEPT} else "") or HEAD


def course(app: App, options: DeployOptions, version: Version, commit: str = "") -> tuple[Script, str, str]:
    """The script of a deployment, the commit of its new record, and the commit it is bound to.

    `commit`: the one that must be deployed; empty for any.
    """
    plain = BACK if options.rollback else app.restart if options.restart and app.restart else app.script
    script = older(plain, version)
    if commit:
        return bound(script), commit, commit
    pin = pinned(app) if version.pins in {Pin.OUT, Pin.KEPT} else ""
    first = committed(script) if options.webhook else wanted(app, version)
    return (bound(script) if pin and version.pins is Pin.KEPT else script), first, pin


def bound(script: Script) -> Script:
    """The script without its own commit."""
    changes = (
        replace(
            change,
            fields={
                key: value for key, value in change.fields.items() if key not in {"commit", "commit_message"}
            },
        )
        for change in script.changes
    )
    return replace(script, changes=tuple(change for change in changes if change.fields))
