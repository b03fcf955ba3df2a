"""Lists active deployments and cancels them (coolify-api 5.5)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from deployer.http.client import Response
from deployer.model import Handle, RefusedError, UnavailableError
from deployer.providers.coolify.api import responses
from deployer.providers.coolify.api.versions import Feature
from deployer.providers.coolify.history import is_of_pull_request, record_id
from deployer.providers.coolify.lookup import Lookup
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION, NO_CANCEL
from deployer.providers.coolify.watching import stalled_queue
from deployer.providers.coolify.watching.poll import Poller

CANCELLED = "cancelled"
CANNOT_READ_NOTE = "the token may not read, so only the response to the trigger will be seen"


@dataclass
class Canceller:
    """Cancels deployments, and remembers whether that may have stalled Coolify's queue."""

    lookup: Lookup
    poller: Poller
    queue_may_stall: bool = False
    """A cancel was sent to a version that does not start the next deployment after it."""
    stall_reported: bool = False
    """The deployments that stay queued because of that were reported."""

    def describe(self, target: str) -> tuple[str, ...]:
        """What `command: cancel` would do, as sentences."""
        active = self.active(target)
        if not active:
            return ("nothing to cancel",)
        return tuple(f"would cancel deployment {each.id}, which {each.started_by}" for each in active)

    def active(self, target: str) -> tuple[Handle, ...]:
        """The application's queued and running deployments, the running ones first, then the oldest.

        Raises RefusedError for services and databases, which have none.
        """
        kind, options = self.lookup.get(target).kind, self.lookup.options
        if self.lookup.write_only_token:
            raise RefusedError(f"the deployments to cancel can't be listed: {CANNOT_READ_NOTE}")
        if kind != APPLICATION:
            raise RefusedError(f"a {kind} has no deployments to cancel; `command: stop` stops it")
        records = [
            record
            for record in self.lookup.running_deployments(target)
            if not options.pr or is_of_pull_request(record, options.pr)
        ]
        if records and not self.lookup.version.has(Feature.CANCEL):
            raise RefusedError(NO_CANCEL)
        records.sort(key=lambda record: (record.get("status") != "in_progress", record_id(record)))
        return tuple(self.poller.handle_of(target, record) for record in records)

    def cancel(self, handle: Handle, timeout: float | None) -> str:
        """Cancel a deployment, and return what is known of the effect.

        Coolify marks its record before the slow work: after a 500, its status is read.
        """
        if handle.condition:
            return "it continues: Coolify can't cancel it"
        if not self.lookup.version.has(Feature.QUEUE_MOVES_ON):
            self.queue_may_stall = True  # even if there is no response
        path = f"/deployments/{quote(handle.id, safe='')}/cancel"
        response = self.lookup.api.send("POST", path, timeout=timeout)
        text = responses.message(response)
        if responses.is_unknown_endpoint(response):
            raise RefusedError(NO_CANCEL)
        if response.status == 400 and "Current status:" in text:
            return f"already over ({text.rpartition(':')[2].strip()})"
        if response.status == 404 and text == "Deployment not found.":
            return "the deployment does not exist: it was never started, or it was deleted"
        try:
            responses.read_json_or_raise(response)
        except UnavailableError as error:
            if error.may_have_arrived:
                return self._check_cancelled(response, handle, timeout)
            raise
        return CANCELLED

    def _check_cancelled(self, response: Response, handle: Handle, timeout: float | None) -> str:
        """Read whether an error response was in fact a success.

        Most versions respond with 500 although they have cancelled the deployment, and a gateway may respond
        in their place (coolify-api 17.1).
        """
        match self._status_of(handle, timeout):
            case "cancelled-by-user":
                return CANCELLED
            case "queued" | "in_progress":
                raise UnavailableError(
                    f"Coolify did not cancel it ({responses.summary(response)})", from_server=True
                )
            case _:
                return "cancel sent, not confirmed"

    def _status_of(self, handle: Handle, timeout: float | None) -> str:
        """The deployment's status; empty if it can't be read."""
        try:
            record = responses.json_or_raise(self.lookup.api.deployment(handle.id, timeout=timeout))
        except (RefusedError, UnavailableError):
            return ""
        return str(record.get("status")) if isinstance(record, dict) else ""

    def left_waiting(self, timeout: float | None) -> str:
        """Deployments that stay queued because of our cancels, as a sentence; empty if there are none.

        Reported once; nothing is requested if nothing was cancelled, or the version starts the next one.
        """
        if not self.queue_may_stall or self.stall_reported:
            return ""
        active = self.lookup.api.active_deployments(timeout=timeout)
        sentence = stalled_queue.stuck_deployments(active, self.lookup.version)
        self.queue_may_stall, self.stall_reported = False, bool(sentence)
        return sentence
