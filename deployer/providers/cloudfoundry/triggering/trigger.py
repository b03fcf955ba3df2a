"""PURE: what the response to a trigger means (cloudfoundry-api 5 and 7)."""

from __future__ import annotations

from collections.abc import Iterable

from deployer.http.client import Response
from deployer.model import Handle, Started, UnavailableError
from deployer.providers.cloudfoundry.api import responses
from deployer.providers.cloudfoundry.api.client import UNRELATED
from deployer.providers.cloudfoundry.api.guids import guid_of
from deployer.providers.cloudfoundry.app import TriggerRequest
from deployer.providers.cloudfoundry.condition import Condition


def read(
    response: Response, request: TriggerRequest, target: str, app: str, warnings: Iterable[str]
) -> Started:
    """What the request has started.

    Args:
        response: to the request.
        request: that was sent.
        target: as the user named it.
        app: the guid of the target.
        warnings: those of the server that are printed with it.

    Raises:
        RefusedError: if the request was refused.
        UnavailableError: for any other response that is not good, and for a good one that does not name the
            app, or a deployment: something may have been started.
    """
    row = responses.json_or_raise(response)
    note = "; ".join(filter(None, (request.note, *warnings)))
    if request.condition is Condition.ROLLED_OUT:
        return Started((Handle(target, guid_of(row, "deployment"), condition=request.condition),), note)
    if guid_of(row, "app") != app:
        raise UnavailableError(UNRELATED, may_have_arrived=True, from_server=True, server_error=UNRELATED)
    return Started((Handle(target, "", condition=request.condition),), note)
