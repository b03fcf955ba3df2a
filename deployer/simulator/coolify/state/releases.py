"""Which release a deployment puts up: the branch's head, a pinned commit, or what ran before (coolify-api 5.3, 5.7)."""

from dataclasses import replace

from deployer.simulator.coolify.state.deployments import App, DeployOptions, committed
from deployer.simulator.coolify.state.older_versions import older
from deployer.simulator.coolify.state.script import Script, recorded
from deployer.simulator.coolify.versions import Pin, Version

HEAD = "HEAD"
BACK = recorded("dockerimage_ok", 20)  # a rollback builds nothing: what is there is started


def pinned(app: App) -> str:
    """The commit that an application of a repository is pinned to, or nothing."""
    commit = str(app.fields.get("git_commit_sha") or HEAD)
    return "" if commit == HEAD or app.kind == "image" else commit


def wanted(app: App, version: Version) -> str:
    """The commit that a new row begins with, by which it is the same as another one (coolify-api 5.1 quirk 3)."""
    return (pinned(app) if version.pins in {Pin.SHOWN, Pin.KEPT} else "") or HEAD


def course(app: App, options: DeployOptions, version: Version, commit: str = "") -> tuple[Script, str, str]:
    """How a deployment goes, the commit that its row begins with, and the one that it is bound to. `commit`: one that it must be."""
    plain = BACK if options.rollback else app.restart if options.restart and app.restart else app.script
    script = older(plain, version)
    if commit:
        return bound(script), commit, commit
    pin = pinned(app) if version.pins in {Pin.OUT, Pin.KEPT} else ""
    first = committed(script) if options.webhook else wanted(app, version)
    return (bound(script) if pin and version.pins is Pin.KEPT else script), first, pin


def bound(script: Script) -> Script:
    """The same without a commit of its own."""
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
