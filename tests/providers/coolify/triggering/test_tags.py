"""Tags: the one response to their trigger, and what becomes of the members if it is lost.

Source: coolify-api 5.1, 16 and 17.1.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
import responses

from deployer.model import (
    Certainty,
    GroupMember,
    GroupStarted,
    Handle,
    Interrupted,
    Outcome,
    Owner,
    RefusedError,
    Rejected,
    Target,
    UnavailableError,
)
from deployer.providers.coolify.resources import Progress, Resource, TagResponse
from deployer.providers.coolify.triggering import tags, trigger
from deployer.providers.coolify.triggering.trigger_requests import APPLICATION, SERVICE, TAG
from deployer.providers.coolify.watching.resource_status import RUNNING
from tests.providers.coolify.support import (
    API,
    BASE,
    DOCS,
    IMG,
    STACK,
    WEB,
    Row,
    body,
    deployed,
    flags,
    requests_sent,
    serve,
    server,
)

WEB_TARGET = Target(WEB, "web", APPLICATION, "http://web.example.com", "exited:unhealthy")
IMG_TARGET = Target(IMG, "img", APPLICATION, "", "exited:unhealthy")
DOCS_TARGET = Target(DOCS, kind=APPLICATION)
STACK_TARGET = Target(STACK, "stack", SERVICE, "", "exited")
MEMBERS = (IMG_TARGET, WEB_TARGET)
BLUE = frozenset({"blue"})


# --- what the response names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param(
            "deploy_tag_blue",
            TagResponse(
                ((WEB, "0mefs7hpwcajqysrrpjvqhxy"), (IMG, "4humlp5v1tv44w5td7snuhp4")), ("stack",), ()
            ),
            id="applications-and-service",
        ),
        pytest.param(
            "deploy_tag_blue_again",
            TagResponse(
                ((WEB, "y2s5lq1opw64htkpmjxlxwry"), (IMG, "lfqxkxboaqhwtut3aehdtajv")),
                ("stack",),
                (),
                skipped=True,
            ),
            id="phantoms-are-named-in-prose-only",
        ),
        pytest.param("deploy_tag_solo", TagResponse(((DOCS, "chhskjr3m8n2cvstjzjkffnq"),), (), ()), id="one"),
        pytest.param("deploy_tag_only_services", TagResponse((), ("my-stack",), ()), id="only-service"),
        pytest.param(
            "v4.0.0-beta.380_deploy_tag",
            TagResponse((("cf618or4z4rekizbmju1h17x", "zu52npzv93a9jpsmeobubc8n"),), (), ()),
            id="beta380",
        ),
        pytest.param(
            "v4.0.0-beta.420_deploy_tag_blue",
            TagResponse(
                (
                    ("c92z8bkjuhmphp3ptalirjmc", "etw5yuzk6y823qyy7qne77ku"),
                    ("piywpryjv5gh5a1iu03cnspm", "m6qeu17xrgucswg15go68m28"),
                ),
                ("stack",),
                (),
                skipped=True,
            ),
            id="beta420",
        ),
        pytest.param(
            "v4.4-rc.1_deploy_tag_blue",
            TagResponse(
                (
                    ("jbb3sblimzpuxlohpa4urwd5", "ynlj4har1qn2lbcq3kimqsfg"),
                    ("xxanabgjcdclwiagcloyvazz", "qb8qtnb5bhl3onrb5cjytkag"),
                ),
                ("stack",),
                (),
                skipped=True,
            ),
            id="4.4-rc.1",
        ),
        pytest.param(
            "deploy_tag_lonely",
            Rejected("Coolify says: No resources found for tag lonely."),
            id="no-members",
        ),
    ],
)
def test_the_response_names_applications_and_in_prose_services(
    name: str, expected: TagResponse | Rejected
) -> None:
    assert trigger.parse_tag(body(name)) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(
            {"message": ["No resources found for tag a.", "No resources found for tag b."]},
            Rejected("Coolify says: No resources found for tag a. No resources found for tag b."),
            id="no-members-of-two-tags",
        ),
        pytest.param(
            {"message": ["Unauthorized to deploy this application."]},
            Rejected("Coolify says: Unauthorized to deploy this application."),
            id="only-refusal",
        ),
        pytest.param(
            {
                "message": ["Application a deployment queued.", "Unauthorized to deploy this application."],
                "details": [{"resource_uuid": "a", "deployment_uuid": "d"}],
            },
            TagResponse((("a", "d"),), (), ("Unauthorized to deploy this application.",)),
            id="refusal-among-them",
        ),
        pytest.param(
            {"message": ["Service a started. b started. It could take a while, be patient."]},
            TagResponse((), ("a started. b",), ()),
            id="service-named-like-sentence",
        ),
    ],
)
def test_refusals_in_the_response_are_kept(data: Any, expected: TagResponse | Rejected) -> None:
    assert trigger.parse_tag(data) == expected


QUEUED_A = {"resource_uuid": "a", "deployment_uuid": "d"}


@pytest.mark.parametrize(
    "data",
    [
        *(
            None,
            [],
            5,
            "text",
            {},
            {"message": None},
            {"message": {}},
            {"message": ["x"], "details": {}},
            {"deployments": []},
        ),
        *({"message": "x"}, {"message": []}, {"message": ["One.", "Two."]}, {"message": [5, None]}),
        {"message": ["Database pg started."]},
        {"message": ["Application a deployment queued."]},
        {"message": ["No resources found for tag b.", "Application a deployment queued."]},
        *(
            {"message": ["Application a deployment queued."], "details": [QUEUED_A, response_body]}
            for response_body in (None, 5, {"resource_uuid": "b"}, {})
        ),
    ],
)
def test_a_response_of_another_format_is_uncertain(data: Any) -> None:
    """Every application must be named with its deployment, or nothing of the response counts."""
    with pytest.raises(UnavailableError) as caught:
        trigger.parse_tag(data)
    assert caught.value.may_have_arrived is True


# --- what is followed


def triggered(wire: responses.RequestsMock, name: str, tag: str = "blue", **fields: Any) -> Any:
    """The result of triggering the tag."""
    serve(wire, "POST", "/deploy", name)
    known = fields.pop("known", {tag: Resource(TAG, newest_id=10, members=MEMBERS)})
    return server(tags=frozenset({tag}), known=known, **fields).trigger(tag)


def test_each_application_and_service_becomes_a_target(wire: responses.RequestsMock) -> None:
    serve(wire, "GET", "/services", "services_list")
    assert triggered(wire, "deploy_tag_blue") == GroupStarted(
        (
            GroupMember(WEB_TARGET, Handle(WEB, "0mefs7hpwcajqysrrpjvqhxy")),
            GroupMember(IMG_TARGET, Handle(IMG, "4humlp5v1tv44w5td7snuhp4")),
            GroupMember(STACK_TARGET, Handle(STACK, "", condition=RUNNING)),
        )
    )
    assert requests_sent(wire) == ["POST /deploy?tag=blue", "GET /services"]


@pytest.mark.parametrize(
    ("fields", "certainty"),
    [
        pytest.param({}, Certainty.POSSIBLY_PHANTOM, id="any-may-be-phantom"),
        pytest.param({"force": True}, Certainty.CONFIRMED, id="force-bypasses-dedupe"),
        pytest.param(
            {"wait": False, "write_only": True, "known": {}}, Certainty.CONFIRMED, id="without-read"
        ),
    ],
)
def test_if_one_was_skipped_each_may_be_the_phantom(
    wire: responses.RequestsMock, fields: Row, certainty: Certainty
) -> None:
    """The response does not say which: its messages and details have different orders (coolify-api 5.1)."""
    wire.assert_all_requests_are_fired = False
    serve(wire, "GET", "/services", "services_list")
    members = triggered(wire, "deploy_tag_blue_again", **fields).members
    assert [member.handle.certainty for member in members if member.handle.id] == [certainty, certainty]


def test_an_application_that_resolve_did_not_list_is_read_for_its_name(wire: responses.RequestsMock) -> None:
    """Before beta.461, that is every application."""
    serve(
        wire,
        "GET",
        f"/applications/{DOCS}",
        "app_get_read",
        body={**body("app_get_read"), "uuid": DOCS, "name": "docs"},
    )
    result = triggered(
        wire, "deploy_tag_solo", "solo", version="4.0.0-beta.460", known={"solo": Resource(TAG)}
    )
    target = Target(DOCS, "docs", APPLICATION, "http://web.example.com", "exited:unhealthy")
    assert result == GroupStarted((GroupMember(target, Handle(DOCS, "chhskjr3m8n2cvstjzjkffnq")),))
    assert requests_sent(wire) == ["POST /deploy?tag=solo", f"GET /applications/{DOCS}"]


@pytest.mark.parametrize("name", ["app_get_unknown", "unauth_bad", "maintenance_503", "api_root"])
def test_what_was_started_is_followed_even_without_its_name(wire: responses.RequestsMock, name: str) -> None:
    serve(wire, "GET", f"/applications/{DOCS}", name)
    result = triggered(wire, "deploy_tag_solo", "solo", known={"solo": Resource(TAG)})
    assert result == GroupStarted((GroupMember(DOCS_TARGET, Handle(DOCS, "chhskjr3m8n2cvstjzjkffnq")),))


def interrupted(_: Any) -> Any:
    raise Interrupted


def test_the_response_is_remembered_if_reading_names_is_interrupted(
    wire: responses.RequestsMock,
) -> None:
    """The trigger is neither sent again nor looked for."""
    serve(wire, "POST", "/deploy", "deploy_tag_blue")
    wire.add_callback("GET", f"{API}/services", interrupted)
    serve(wire, "GET", "/services", "services_list")
    coolify = server(tags=BLUE, known={"blue": Resource(TAG, newest_id=10, members=MEMBERS)})
    with pytest.raises(Interrupted):
        coolify.trigger("blue")
    result = coolify.find_triggered("blue")
    assert isinstance(result, GroupStarted)
    assert [member.target for member in result.members] == [WEB_TARGET, IMG_TARGET, STACK_TARGET]
    assert requests_sent(wire) == ["POST /deploy?tag=blue", "GET /services", "GET /services"]


def test_with_a_timeout_no_names_are_read(wire: responses.RequestsMock) -> None:
    progress = Progress(tag_response=TagResponse(((DOCS, "abc"),), ("stack",)))
    coolify = server(tags=frozenset({"solo"}), known={"solo": Resource(TAG, progress=progress)})
    result = coolify.find_triggered("solo", timeout=1)
    assert result == GroupStarted(
        (GroupMember(DOCS_TARGET, Handle(DOCS, "abc")),),
        "service stack: started, not followed (Coolify returns its name, but no uuid)",
    )
    assert len(wire.calls) == 0


@pytest.mark.parametrize(
    ("services", "rest"),
    [
        pytest.param(
            [], "service stack: started, not followed (Coolify returns its name, but no uuid)", id="none"
        ),
        pytest.param(
            [{"uuid": "a", "name": "stack"}, {"uuid": "b", "name": "stack"}],
            "service stack: started, not followed (Coolify has 2 services of this name)",
            id="two",
        ),
        pytest.param(
            [{"uuid": "a", "name": "Stack"}],
            "service stack: started, not followed (Coolify returns its name, but no uuid)",
            id="another-spelling",
        ),
    ],
)
def test_a_service_is_followed_if_exactly_one_has_its_name(
    wire: responses.RequestsMock, services: list[Row], rest: str
) -> None:
    serve(wire, "GET", "/services", "services_list", body=services)
    result = triggered(wire, "deploy_tag_blue")
    assert (len(result.members), result.rest, result.outcome) == (2, rest, Outcome.TRIGGERED)


@pytest.mark.parametrize(
    "name", ["deployment_get_deployonly_403", "maintenance_503", "transport_proxy_traefik_404"]
)
def test_a_service_that_can_not_be_looked_up_is_not_followed(wire: responses.RequestsMock, name: str) -> None:
    serve(wire, "GET", "/services", name)
    result = triggered(wire, "deploy_tag_blue")
    assert (len(result.members), result.rest) == (
        2,
        "service stack: started, not followed (Coolify returns its name, but no uuid)",
    )


def test_two_services_of_one_name_are_reported_once(wire: responses.RequestsMock) -> None:
    response = body("deploy_tag_blue")
    serve(
        wire,
        "POST",
        "/deploy",
        "deploy_tag_blue",
        body={**response, "message": [*response["message"], response["message"][-1]]},
    )
    serve(wire, "GET", "/services", "services_list", body=[*body("services_list"), *body("services_list")])
    result = server(tags=BLUE, known={"blue": Resource(TAG, members=MEMBERS)}).trigger("blue")
    assert isinstance(result, GroupStarted)
    assert result.rest == "service stack: started, not followed (Coolify has 2 services of this name)"


def test_a_member_that_coolify_refused_to_deploy_is_reported_as_refused(wire: responses.RequestsMock) -> None:
    response = body("deploy_tag_solo")
    refusal = "Unauthorized to deploy this application."
    serve(
        wire,
        "POST",
        "/deploy",
        "deploy_tag_solo",
        body={**response, "message": [*response["message"], refusal]},
    )
    result = server(tags=BLUE, known={"blue": Resource(TAG, members=(DOCS_TARGET,))}).trigger("blue")
    assert result == GroupStarted(
        (GroupMember(DOCS_TARGET, Handle(DOCS, "chhskjr3m8n2cvstjzjkffnq")),), refusal, Outcome.REFUSED
    )


def test_what_is_not_followed_is_reported_in_one_line(wire: responses.RequestsMock) -> None:
    response = body("deploy_tag_blue")
    refusal = "Unauthorized to deploy this application."
    serve(
        wire,
        "POST",
        "/deploy",
        "deploy_tag_blue",
        body={**response, "message": [*response["message"], refusal]},
    )
    serve(wire, "GET", "/services", "services_list", body=[])
    result = server(tags=BLUE, known={"blue": Resource(TAG, members=MEMBERS)}).trigger("blue")
    assert isinstance(result, GroupStarted)
    assert (
        result.rest
        == f"{refusal}; service stack: started, not followed (Coolify returns its name, but no uuid)"
    )


def test_without_read_nothing_more_is_read_of_a_tag(wire: responses.RequestsMock) -> None:
    """The run does not wait, so that possible phantoms are accepted."""
    result = triggered(wire, "deploy_tag_blue", wait=False, write_only=True, known={})
    assert result == GroupStarted(
        (
            GroupMember(Target(WEB, kind=APPLICATION), Handle(WEB, "0mefs7hpwcajqysrrpjvqhxy")),
            GroupMember(Target(IMG, kind=APPLICATION), Handle(IMG, "4humlp5v1tv44w5td7snuhp4")),
        ),
        "service stack: started, not followed (Coolify returns its name, but no uuid)",
    )
    assert requests_sent(wire) == ["POST /deploy?tag=blue"]


@pytest.mark.parametrize(
    ("name", "words"),
    [("deploy_tag_unknown", "No resources found with this tag."), ("deploy_tag_commas", "No TAGs provided.")],
)
def test_an_invalid_tag_is_refused(wire: responses.RequestsMock, name: str, words: str) -> None:
    with pytest.raises(RefusedError) as caught:
        triggered(wire, name)
    assert words in caught.value.reason
    assert caught.value.token_wide is False


def test_a_tag_without_members_is_refused(wire: responses.RequestsMock) -> None:
    assert triggered(wire, "deploy_tag_lonely", "lonely") == Rejected(
        "Coolify says: No resources found for tag lonely."
    )


@pytest.mark.parametrize(
    ("name", "reason", "more"),
    [
        pytest.param(
            "deploy_queue_full_tag",
            "Coolify says: Deployment queue is full. Please wait for existing deployments to complete.",
            flags(may_have_arrived=True, from_server=True),
            id="429-in-middle",
        ),
        pytest.param(
            "deploy_tag_server_unreachable_500",
            "Coolify returned an error (HTTP 500: Server Error)",
            flags(may_have_arrived=True, from_server=True, server_error="HTTP 500: Server Error"),
            id="500-in-middle",
        ),
    ],
)
def test_an_error_after_some_members_were_queued_is_uncertain(
    wire: responses.RequestsMock, name: str, reason: str, more: Row
) -> None:
    """Sent again, it would deploy the first ones twice (coolify-api 5.1 quirk 4, 17.1 row 8)."""
    with pytest.raises(UnavailableError) as caught:
        triggered(wire, name)
    assert asdict(caught.value) == {"reason": reason, **more}


def test_the_rate_limit_starts_nothing_of_a_tag(wire: responses.RequestsMock) -> None:
    with pytest.raises(UnavailableError, match="rate limited by Coolify") as caught:
        triggered(wire, "ratelimit_429_deploy")
    assert (caught.value.may_have_arrived, caught.value.retry_after) == (False, 6)


# --- a lost response


def record_of(uuid: str, number: int, **changes: Any) -> Row:
    """A record of this application, in the list of active deployments."""
    row = deployed(number, **changes)
    return {
        **row,
        "deployment_url": row["deployment_url"].replace(WEB, uuid),
        "application_name": {WEB: "web", IMG: "img"}[uuid],
    }


def find_members(
    wire: responses.RequestsMock, active: Any, members: tuple[Target, ...] | None = MEMBERS, **fields: Any
) -> Any:
    """What is found; record 10 was the newest before the trigger."""
    serve(wire, "GET", "/deployments", "deployments_list_read", body=active)
    services = fields.pop("services", body("services_list"))
    if members is not None:
        serve(wire, "GET", "/services", "services_list", body=services)
    coolify = server(tags=BLUE, known={"blue": Resource(TAG, newest_id=10, members=members)}, **fields)
    return coolify.find_triggered("blue")


OURS_WEB, OURS_IMG = Handle(WEB, "d11"), Handle(IMG, "d12")


@pytest.mark.parametrize(
    ("active", "web", "img"),
    [
        pytest.param([record_of(WEB, 11), record_of(IMG, 12)], OURS_WEB, OURS_IMG, id="all"),
        pytest.param(
            {"1": record_of(WEB, 11), "0": record_of(IMG, 12)}, OURS_WEB, OURS_IMG, id="all-in-object"
        ),
        pytest.param([record_of(WEB, 11)], OURS_WEB, None, id="one-is-missing"),
        pytest.param([], None, None, id="none"),
        pytest.param([record_of(WEB, 10), record_of(IMG, 9)], None, None, id="none-newer"),
        pytest.param(
            [record_of(WEB, 11, is_api=False), record_of(IMG, 12)], None, OURS_IMG, id="started-in-dashboard"
        ),
        pytest.param(
            [record_of(WEB, 11, is_api=False, is_webhook=True), record_of(IMG, 12)],
            None,
            OURS_IMG,
            id="webhook",
        ),
        pytest.param(
            [record_of(WEB, 11, pull_request_id=7), record_of(IMG, 12)], None, OURS_IMG, id="preview"
        ),
        pytest.param(
            [record_of(WEB, 11, restart_only=True), record_of(IMG, 12)], None, OURS_IMG, id="restart"
        ),
        pytest.param(
            [record_of(WEB, 11, force_rebuild=True), record_of(IMG, 12)], None, OURS_IMG, id="another-force"
        ),
        pytest.param(
            [record_of(WEB, 13), record_of(WEB, 11), record_of(IMG, 12)],
            Handle(WEB, "d11", owner=Owner.UNSURE),
            OURS_IMG,
            id="several-of-one",
        ),
    ],
)
def test_after_a_lost_response_new_records_are_followed_and_the_others_left_to_be_triggered(
    wire: responses.RequestsMock, active: Any, web: Handle | None, img: Handle | None
) -> None:
    assert find_members(wire, active) == GroupStarted(
        (GroupMember(IMG_TARGET, img), GroupMember(WEB_TARGET, web)), tags.SERVICES_UNKNOWN, Outcome.LOST
    )
    assert requests_sent(wire) == ["GET /services", "GET /deployments"]


def test_what_is_found_has_a_link(wire: responses.RequestsMock) -> None:
    members = find_members(wire, [record_of(WEB, 11)]).members
    assert [member.handle.link for member in members if member.handle] == [
        BASE + record_of(WEB, 11)["deployment_url"]
    ]


def test_with_force_only_forced_records_are_ours(wire: responses.RequestsMock) -> None:
    members = find_members(
        wire, [record_of(WEB, 11, force_rebuild=True), record_of(IMG, 12)], force=True
    ).members
    assert members == (GroupMember(IMG_TARGET), GroupMember(WEB_TARGET, OURS_WEB))


def test_without_services_none_can_be_lost(wire: responses.RequestsMock) -> None:
    assert find_members(wire, [record_of(WEB, 11), record_of(IMG, 12)], services=[]) == GroupStarted(
        (GroupMember(IMG_TARGET, OURS_IMG), GroupMember(WEB_TARGET, OURS_WEB)), "", Outcome.LOST
    )


def test_a_tag_without_applications_may_be_a_service_s(wire: responses.RequestsMock) -> None:
    assert find_members(wire, [], (), services=[]) == GroupStarted((), tags.SERVICES_UNKNOWN, Outcome.LOST)


def test_a_record_without_a_name_is_followed_by_its_uuid(wire: responses.RequestsMock) -> None:
    result = find_members(wire, [{**record_of(WEB, 11), "application_name": None}], None)
    assert [member.target for member in result.members] == [Target(WEB, kind=APPLICATION)]


def test_with_a_timeout_only_the_deployments_are_read(wire: responses.RequestsMock) -> None:
    """After a signal there are only seconds to cancel what was started."""
    serve(wire, "GET", "/deployments", "deployments_list_read", body=[record_of(WEB, 11)])
    coolify = server(tags=BLUE, known={"blue": Resource(TAG, newest_id=10, members=MEMBERS)})
    assert coolify.find_triggered("blue", timeout=1) == GroupStarted(
        (GroupMember(IMG_TARGET), GroupMember(WEB_TARGET, OURS_WEB)), "", Outcome.LOST
    )
    assert wire.calls[0].request.req_kwargs["timeout"] == (1, 1)  # type: ignore[attr-defined]


@pytest.mark.parametrize("version", ["4.0.0-beta.460", "4.0.0-beta.380"])
def test_if_the_members_are_unknown_only_new_records_are_followed(
    wire: responses.RequestsMock, version: str
) -> None:
    """Those versions do not say who started them, so they may be somebody else's."""
    target = Target(WEB, "web", APPLICATION)
    result = find_members(wire, [record_of(WEB, 11, is_api=False)], None, version=version)
    assert result == GroupStarted(
        (GroupMember(target, Handle(WEB, "d11", owner=Owner.UNSURE)),), tags.MEMBERS_UNKNOWN, Outcome.LOST
    )
    assert "may not have been deployed" in tags.MEMBERS_UNKNOWN
    assert requests_sent(wire) == ["GET /deployments"]


def test_if_the_members_are_unknown_and_nothing_is_new_the_trigger_is_lost(
    wire: responses.RequestsMock,
) -> None:
    assert find_members(wire, [], None, version="4.0.0-beta.460") == GroupStarted(
        (), tags.MEMBERS_UNKNOWN, Outcome.LOST
    )
