"""The manifest: everything a service consists of, told in one place, its ``service.py``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from chassis.examples import Story
from chassis.routes import Routes
from engine.database import Database
from engine.decider import Command, Decider, Rejected
from engine.evaluator import Evaluate
from engine.handle import FactsLoader
from engine.projection import View
from engine.reaction import Reaction, Timer
from engine.stated import Stated
from events.erp import Document

ToCommands = Callable[[Any], Command | Sequence[Command]]
"""A document of the ERP -> what it asks of this service. Pure, holds no rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service.

    `name` is that of its problems and its database (``credit``: ``kehu_credit``); `prefix` the path all its routes lie
    under (``/api/credit``); `contexts` the topics it owns. The routes of `routers` are relative to the prefix.
    `loaders` complete the facts of a command; a command without one is decided on the base facts. `intake` says which
    documents of the ERP it takes, `states` what it publishes of each customer where there is a Kafka. `rules` adds
    rules no decider names. `evaluate` is given the service's database and makes its evaluator.
    `open_day` is the command that makes a date the business date of a company, of the one service that keeps it.
    `story` holds an example for each of its operations.
    """

    name: str
    prefix: str
    title: str
    contexts: tuple[str, ...]
    routers: Sequence[Routes]
    deciders: tuple[Decider[Any], ...] = ()
    loaders: Mapping[type[Command], FactsLoader] = field(default_factory=dict)
    views: tuple[View, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    timers: tuple[Timer, ...] = ()
    intake: Mapping[type[Document], ToCommands] = field(default_factory=dict)
    states: tuple[Stated, ...] = ()
    rules: tuple[type[Rejected], ...] = ()
    evaluate: Callable[[Database], Evaluate] | None = None
    open_day: Callable[[str, date], Command] | None = None
    story: Story = field(default_factory=Story)
