"""Scenarios about the queue, and deployments of others."""

from dataclasses import replace
from math import inf

from deployer.simulator.coolify.scenario import Other, Scenario
from deployer.simulator.coolify.scenarios import (
    AS_WRITER,
    BROKEN,
    CROWD,
    IMAGE,
    MAIN,
    STACK,
    WEB,
    WORKER,
)
from deployer.simulator.coolify.state.deployments import App, Extra
from deployer.simulator.coolify.state.script import elsewhere
from deployer.simulator.coolify.versions import VERSIONS

QUEUES = (
    Scenario(
        "start-queue-full",
        "The queue is full for about two minutes, and /start responds with a phantom.",
        apps=(WEB, WORKER),
        others=CROWD,
        full_until=130,
    ),
    Scenario(
        "full-and-already",
        "The queue is full for about two minutes, and an identical deployment is running.",
        apps=(IMAGE, WORKER),
        others=(Other(), *CROWD),
        full_until=130,
    ),
    Scenario(
        "queue-always-full",
        "The queue stays full.",
        apps=(WEB, WORKER),
        others=CROWD,
        full_until=inf,
    ),
    Scenario(
        "stuck-queue",
        "Another deployment of the same commit is stuck in the queue, after the one before it was cancelled.",
        apps=(IMAGE,),
        others=(Other(stuck=True),),
        may_cancel=True,
        abilities=AS_WRITER,
        version=VERSIONS["4.1.2"],
    ),
    Scenario(
        "cancel-before-others",
        "One deployment of the application runs; another application's is stuck in the queue.",
        apps=(WEB, WORKER),
        others=(Other(age=20), Other(app=1, age=30, stuck=True)),
        may_cancel=True,
        version=VERSIONS["4.1.2"],
    ),
    Scenario(
        "webhook-too",
        "A webhook's deployment of the same commit has already ended; ours has the same commit.",
        apps=(WEB,),
        others=(Other(age=120, webhook=True, over=True),),
    ),
    Scenario(
        "webhook-adopted",
        "The deployment that is already queued was started by a webhook.",
        apps=(IMAGE,),
        others=(Other(webhook=True),),
    ),
    Scenario(
        "cancel-others",
        "Somebody else has one running and one queued deployment.",
        apps=(WEB,),
        others=(Other(age=20), Other(age=5)),
        may_cancel=True,
    ),
    Scenario(
        "server-unreachable-cancel",
        "A cancel works, but responds with 500 because the server is unreachable.",
        apps=(WEB,),
        reachable=False,
        version=VERSIONS["4.3.6"],
    ),
    Scenario("preview-missing", "There is no preview of any pull request.", apps=(WEB,)),
    Scenario("preview-on-service", "A service has no previews.", resources=(STACK,)),
    Scenario(
        "other-server-fails",
        "The deployment is finished, but the one on the second server fails.",
        apps=(App(MAIN, servers=(Extra("second", elsewhere(BROKEN, "second")),)),),
    ),
    Scenario(
        "write-token",
        "The token may also write.",
        apps=(replace(IMAGE, previews=(7,)),),
        abilities=frozenset({"read", "read:sensitive", "deploy", "write"}),
    ),
)
