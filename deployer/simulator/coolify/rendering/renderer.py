"""Deployments and applications as Coolify's JSON: recorded objects with other names, uuids and times."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from deployer.simulator.coolify.replies import body_of, php, record
from deployer.simulator.coolify.state.deployments import App, Deployment, numbered
from deployer.simulator.coolify.state.script import Line
from deployer.simulator.coolify.versions import Version

# The fields of an application that require read:sensitive (coolify-api 5.6, captured/app_get_read).
SENSITIVE = (
    "custom_labels", "docker_compose", "docker_compose_raw", "dockerfile", "http_basic_auth_password",
    "manual_webhook_secret_bitbucket", "manual_webhook_secret_gitea", "manual_webhook_secret_github",
    "manual_webhook_secret_gitlab", "private_key_id",
)  # fmt: skip
SENSITIVE_OF_SERVER = (
    "logdrain_axiom_api_key", "logdrain_custom_config", "logdrain_custom_config_parser",
    "logdrain_newrelic_license_key", "sentinel_custom_url", "sentinel_token",
)  # fmt: skip
# The fields in which a Docker-image application differs from one that is built from a repository.
IMAGE = (
    "build_pack", "docker_registry_image_name", "docker_registry_image_tag", "git_repository",
    "ports_exposes", "source_id", "source_type",
)  # fmt: skip
PLACE = re.compile(r"/application/[^/]+/deployment/[^/]+$")


@dataclass(frozen=True, slots=True)
class Renderer:
    """`epoch`: the real time of simulated second 0. `sensitive`: whether the token has read:sensitive."""

    version: Version
    epoch: datetime
    sensitive: bool = True

    def row(self, row: Deployment, now: float) -> dict[str, Any]:
        """One deployment without its `application`, with keys in the order of GET /deployments/{uuid}."""
        shape = body_of(self.version.shapes.row)
        shape.pop("application", None)
        values = self._values(row, now, shape)
        rendered = {key: values.get(key, value) for key, value in shape.items()}
        if not self.sensitive:
            rendered.pop("logs", None)
        return rendered

    def listed(self, row: Deployment, now: float) -> dict[str, Any]:
        """One deployment as in an application's list, which used to show logs to any token."""
        rendered = replace(self, sensitive=self.sensitive or self.version.leaks_logs).row(row, now)
        return {
            key: rendered[key]
            for key in record(self.version.shapes.listed)["response"]["body"]["deployments"][0]
            if key in rendered
        }

    def application(self, app: App, uuid: str) -> dict[str, Any]:
        """GET /applications/{uuid}: without `id`; sensitive fields only with read:sensitive."""
        rendered = self._with_own_columns(body_of(self.version.shapes.application), app, uuid)
        if not self.sensitive:
            rendered = {key: value for key, value in rendered.items() if key not in SENSITIVE}
            self.remove_secrets(rendered["destination"]["server"])
        return rendered

    def remove_secrets(self, server: dict[str, Any]) -> None:
        """Remove the server's secrets from the object, if the version does that."""
        for key in () if self.version.leaks_server else SENSITIVE_OF_SERVER:
            server["settings"].pop(key, None)

    def _with_own_columns(self, shape: dict[str, Any], app: App, uuid: str) -> dict[str, Any]:
        rendered = with_own_columns(shape, app, uuid)
        return {**rendered, "status": self.version.words.get(rendered["status"], rendered["status"])}

    def nested(self, app: App, uuid: str, number: int) -> dict[str, Any] | None:
        """The `application` inside a deployment; None before beta.464."""
        shape = body_of(self.version.shapes.row).get("application")
        return {**self._with_own_columns(shape, app, uuid), "id": number} if shape else None

    def _values(self, row: Deployment, now: float, shape: Mapping[str, Any]) -> dict[str, Any]:
        script, born, elapsed = row.at(now)
        waits = elapsed < 0 or not (self.version.eager or script.lines[0].at <= elapsed)
        status = "queued" if waits else "in_progress"
        values: dict[str, Any] = {"status": status, "commit": row.commit, "finished_at": None, "logs": None}
        touched = row.created
        for change in (change for change in script.changes if change.at <= elapsed):
            touched = born + change.at
            values |= {
                key: self._ended(touched) if key == "finished_at" else value
                for key, value in change.fields.items()
            }
        lines = [line for line in script.lines if line.at <= elapsed]
        if lines:
            touched = max(touched, born + lines[-1].at)
            values["logs"] = php(
                script.shown(numbered([self._entry(line, row, born) for line in lines]), elapsed)
            )
        return values | {
            "id": row.id,
            "application_id": str(row.app_id),
            "application_name": row.app.name,
            "deployment_uuid": row.uuid,
            "deployment_url": PLACE.sub(
                f"/application/{row.app_uuid}/deployment/{row.uuid}", shape["deployment_url"]
            ),
            **row.columns,
            "created_at": self.iso(row.created),
            "updated_at": self.iso(touched),
        }

    def _entry(self, line: Line, row: Deployment, born: float) -> dict[str, Any]:
        return {
            "command": None if line.command is None else filled_in(line.command, row),
            "output": filled_in(line.output, row),
            "type": line.type,
            "timestamp": self.moment(born + line.at).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "hidden": line.hidden,
            "batch": line.batch,
        }

    def iso(self, at: float) -> str:
        """The moment of a simulated second, in whole seconds like Coolify's columns."""
        return self.moment(at).strftime("%Y-%m-%dT%H:%M:%S.000000Z")

    def seconds(self, at: float) -> str:
        """The moment of a simulated second, like the columns that Coolify does not convert."""
        return self.moment(at).strftime("%Y-%m-%d %H:%M:%S")

    def _ended(self, at: float) -> str:
        return self.moment(at).strftime(self.version.finished_at)

    def moment(self, at: float) -> datetime:
        """The server's time at a simulated second."""
        return self.epoch + timedelta(seconds=at)


def with_own_columns(shape: dict[str, Any], app: App, uuid: str) -> dict[str, Any]:
    """The recorded application with the names of this one, without any field that was not recorded."""
    image = (
        {key: value for key, value in body_of("create_img_get").items() if key in IMAGE}
        if app.kind == "image"
        else {}
    )
    values = {
        **image,
        "uuid": uuid,
        "name": app.name,
        "fqdn": app.fqdn or None,
        "status": "running:unknown",
        **app.fields,
    }
    rendered = {key: values.get(key, value) for key, value in shape.items()}
    if "settings" in rendered:  # since 4.2.0 some fields are nested there
        rendered["settings"] = {
            key: app.fields.get(key, value) for key, value in rendered["settings"].items()
        }
    return rendered


def filled_in(text: str, row: Deployment) -> str:
    """A recorded log line with the names of this deployment."""
    names = {
        "%deployment%": row.uuid,
        "%application%": row.app_uuid,
        "%fqdn%": row.app.fqdn,
        "%host%": row.app.fqdn.partition("//")[2],
        "%image%": image_of(row),
    }
    for place, name in names.items():
        text = text.replace(place, name)
    return text


def image_of(row: Deployment) -> str:
    """The image that is started. An application from a repository has an image of its own for each commit."""
    name = row.app.fields.get("docker_registry_image_name") if row.app.kind == "image" else row.app_uuid
    return f"{name}:{row.release}"
