"""Builds the provider from its inputs. Imported only if this provider is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deployer.http.client import Http
from deployer.model import Command
from deployer.providers.cloudfoundry.api import discovery
from deployer.providers.cloudfoundry.api.client import Client
from deployer.providers.cloudfoundry.api.uaa import Login
from deployer.providers.cloudfoundry.lookup import AppLookup
from deployer.providers.cloudfoundry.options import Options
from deployer.providers.cloudfoundry.provider import CloudFoundryProvider
from deployer.providers.interface import Provider, ProviderContext
from deployer.settings import Common

if TYPE_CHECKING:
    from deployer.providers.cloudfoundry.inputs import CloudFoundry


def build_provider(inputs: CloudFoundry, common: Common, context: ProviderContext) -> Provider:
    """The provider for these inputs. Sends no request yet."""
    headers = {name: value.get_secret_value() for name, value in common.headers.items()}

    def open_http(address: str, **login: Any) -> Http:
        """A connection to one host. The user's headers are only sent to hosts of the API's own domain."""
        return Http(
            address,
            user_agent=context.user_agent,
            monotonic=context.monotonic,
            headers=headers if discovery.shares_domain(address, inputs.cf_api) else {},
            ca=common.ca_cert,
            insecure=common.insecure,
            no_proxy=context.no_proxy,
            time_left=context.time_left,
            **login,
        )

    login = Login(
        username=inputs.cf_username,
        password=inputs.cf_password.get_secret_value(),
        origin=inputs.cf_origin,
        client_id=inputs.cf_client_id,
        client_secret=inputs.cf_client_secret.get_secret_value(),
        assertion=inputs.cf_assertion.get_secret_value(),
    )
    options = common.fill(
        Options,
        command=Command(common.command),
        strategy=inputs.cf_strategy,
        ready=inputs.cf_ready,
        docker_username=inputs.cf_docker_username,
        docker_password=inputs.cf_docker_password.get_secret_value(),
    )
    api = Client(inputs.cf_api, login, open_http, now=context.now, add_secret=context.add_secret)
    return CloudFoundryProvider(api, AppLookup(api, inputs.cf_org, inputs.cf_space), options)
