"""POST /deploy: applications, services and databases by uuid or by tag (coolify-api 5.1)."""

from typing import Any

from deployer.simulator.coolify.endpoints.parameters import inputs, number, text, true
from deployer.simulator.coolify.replies import body_of, reply
from deployer.simulator.coolify.server import Server
from deployer.simulator.coolify.state.conditions import act
from deployer.simulator.coolify.state.deployments import DeployOptions
from deployer.simulator.coolify.versions import Preview
from deployer.simulator.serving.exchange import Response
from deployer.simulator.serving.journal import Request


def deploy(server: Server, request: Request, _uuid: str) -> Response:
    """Validates the request first, then deploys one target after another.

    An error on the way hides what was done before.
    """
    version = server.scenario.version
    sent = inputs(request, body=version.reads_body)
    if any(isinstance(sent.get(key), list) for key in ("uuid", "tag")):
        return reply("deploy_body_list_500")
    uuids, tags = text(sent.get("uuid")), text(sent.get("tag"))
    options = requested_options(server, sent)
    if mistake := wrong(uuids, tags, options):
        return reply(mistake)
    parts = [part for part in (tags or uuids).split(",") if part]
    if not parts:
        return reply("deploy_tag_commas" if tags else "deploy_no_uuids")
    server.trigger()
    return by_tags(server, parts, options) if tags else by_uuids(server, parts, options)


def requested_options(server: Server, sent: dict[str, Any]) -> DeployOptions:
    """The options, from the parameters that this version supports."""
    version = server.scenario.version
    image = sent if version.image_previews else {}
    pr = (
        0
        if version.previews is Preview.UNKNOWN
        else number(sent.get("pr")) or number(image.get("pull_request_id"))
    )
    force = true(sent.get("force"), strict=version.post_only)
    return DeployOptions(
        force=force, api=version.shows_api, pr=pr, docker_tag=text(image.get("docker_tag")) or None
    )


def wrong(uuids: str, tags: str, options: DeployOptions) -> str:
    """The reply to parameters that can't be combined; empty if they can."""
    if uuids and tags:
        return "deploy_both"
    if tags and options.pr:
        return "deploy_tag_pr"
    if options.docker_tag and not options.pr:
        return "deploy_dockertag_nopr"
    return "" if uuids or tags else "deploy_probe_deploy"


def by_uuids(server: Server, uuids: list[str], options: DeployOptions) -> Response:
    """Deploys by uuid. Unknown uuids are dropped, unless all are unknown."""
    items = []
    for uuid in uuids:
        if uuid in server.apps or uuid in server.resources:
            entry = item(server, uuid, options)
            if isinstance(entry, Response):
                return entry
            items.append(entry)
    return reply("deploy_one", {"deployments": items}) if items else reply("deploy_unknown")


def by_tags(server: Server, tags: list[str], options: DeployOptions) -> Response:
    """Deploys tag by tag, applications first, then services.

    `details` has only applications, and is absent without any.
    """
    known = [tag for tag in tags if tag in server.scenario.tags or server.tagged_with(tag)]
    if not known:
        return reply("deploy_tag_unknown")
    details, messages = [], []
    for tag in known:
        uuids_of_tag = server.tagged_with(tag)
        for place, uuid in enumerate(uuids_of_tag):
            entry = item(server, uuid, options)
            if isinstance(entry, Response):
                return entry
            server.tagged[tag] += place == 0
            messages.append(entry.pop("message"))
            details += [entry] if uuid in server.apps else []
        if not uuids_of_tag:
            messages.append(body_of("deploy_tag_lonely")["message"][0].replace(" lonely.", f" {tag}."))
    return reply(
        "deploy_tag_blue", {"details": details, "message": messages} if details else {"message": messages}
    )


def item(server: Server, uuid: str, options: DeployOptions) -> dict[str, Any] | Response:
    """The entry of `deployments[]` for one resource, or the error that ends the request."""
    if uuid in server.resources:
        return started(server, uuid, options)
    app, version = server.apps[uuid], server.scenario.version
    if options.pr and (lacking := preview(server, uuid, options)):
        if version.previews is Preview.STUCK:
            server.enqueue(uuid, options).stalled = float("inf")
            return reply("v4.0.0-beta.420_deploy_pr")
        return {"message": lacking, "resource_uuid": uuid}
    if server.full(uuid):
        return reply("deploy_queue_full_429")
    skipped = server.skipped(uuid, options)
    entry = body_of("deploy_skipped" if skipped else "deploy_one")["deployments"][0]["message"]
    return {
        "message": entry.replace("Application web ", f"Application {app.name} "),
        "resource_uuid": uuid,
        "deployment_uuid": server.phantom() if skipped else server.enqueue(uuid, options).uuid,
    }


def started(server: Server, uuid: str, options: DeployOptions) -> dict[str, Any] | Response:
    """Starts a service or database at once, within the request."""
    resource = server.resources[uuid]
    if options.pr:
        return reply("deploy_pr_db")
    if not resource.reachable:
        return reply("deploy_service_server_unreachable_500")
    act(server, uuid, "deploy")
    if resource.kind == "service":
        entry = body_of("deploy_service")["deployments"][0]["message"].replace(
            "Service stack ", f"Service {resource.name} "
        )
    else:
        entry = body_of("deploy_mixed")["deployments"][1]["message"].replace(
            "Database pg ", f"Database {resource.name} "
        )
    return {"message": entry, "resource_uuid": uuid}


def preview(server: Server, uuid: str, options: DeployOptions) -> str:
    """The reply if there is no preview to deploy; None if there is, or if an image tag creates it."""
    image = server.apps[uuid].kind == "image"
    if options.docker_tag and image:
        server.previews[uuid].add(options.pr)
    if options.pr not in server.previews[uuid]:
        return str(body_of("deploy_pr_unknown")["deployments"][0]["message"]).replace(
            " 7 ", f" {options.pr} "
        )
    if options.docker_tag and not image:
        return str(body_of("deploy_dockertag_git")["deployments"][0]["message"])
    return ""
