"""Coolify on the simulator's HTTP: answers as nginx and PHP write them, spoiled where a scenario says so."""

from dataclasses import replace
from email.utils import format_datetime
from http import HTTPStatus

from deployer.simulator import listening
from deployer.simulator.checks import answered, caught_as, counted, shown, with_headers
from deployer.simulator.journal import Asked
from deployer.simulator.replies import message, reply
from deployer.simulator.server import Server
from deployer.simulator.shared import Answer, Then, Trouble

ACTING = frozenset({Then.EDIT, Then.CUT})  # what needs the right answer to spoil it


class Listener(listening.Listener):
    """Where a Coolify listens."""

    def __init__(self, port: int, coolify: Server) -> None:
        self.coolify = coolify
        super().__init__(port, coolify)

    def respond(self, asked: Asked) -> tuple[Answer | None, Then | None]:
        coolify = self.coolify
        trouble = None if asked.of_site else coolify.trouble(caught_as(coolify.scenario.version, asked))
        answer = spoiled(coolify, asked, trouble) if trouble else answered(coolify, asked)
        if answer:
            asked.status, asked.said = answer.status, message(answer)
            answer = with_headers(shown(asked, answer), {"Date": format_datetime(coolify.wall(), usegmt=True)})
        return answer, trouble.then if trouble else None


def spoiled(coolify: Server, asked: Asked, trouble: Trouble) -> Answer | None:
    """The answer that a trouble makes of a request; None where there is none."""
    answer = answered(coolify, asked) if trouble.acts or trouble.then in ACTING else None
    match trouble.then:
        case Then.REPLY:
            return told(coolify, asked, reply(trouble.reply))
        case Then.EDIT:
            return trouble.edit(answer) if trouble.edit and answer else answer
        case Then.CUT:
            return answer and replace(answer, cut=True)
        case Then.CLOSE | Then.RESET | Then.HANG:
            return None


def told(coolify: Server, asked: Asked, plain: Answer) -> Answer:
    """A recorded answer with the address and the times of this request."""
    if ("Location", "") in plain.headers:
        return with_headers(plain, {"Location": f"https://{asked.headers.get('host', '')}{asked.path}"})
    if plain.status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = int(dict(plain.headers)["Retry-After"])
        return with_headers(plain, {"X-RateLimit-Reset": str(int(coolify.wall().timestamp()) + wait)})
    limited = any(key == "X-RateLimit-Remaining" for key, _ in plain.headers)
    return counted(plain, coolify.throttle.left(coolify.now())) if limited else plain
