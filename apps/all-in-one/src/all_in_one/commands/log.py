"""`kehu events`: what happened, as the feeds of the services tell it; what is personal stays sealed."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.markup import escape

from all_in_one.commands.server import PREFIXES, Server
from all_in_one.commands.terminal import ADMIN, HERE, Json, Refused, Token, Url, group, out, print_json

app = typer.Typer()
events = group("The events of all services. What is personal in them stays sealed: it is never printed.")
app.add_typer(events, name="events")

PAGE = 1000
LOOK = 0.5
SEALED = "$e"
Event = dict[str, Any]
OfService = Annotated[list[str] | None, typer.Option("--service", help="Only of this service; may be repeated.")]
OfType = Annotated[list[str] | None, typer.Option("--type", help="Only this type: credit.InvoiceIssued; repeatable.")]
OfCustomer = Annotated[str | None, typer.Option("--customer", help="Only of this customer.")]
JsonLines = Annotated[bool, typer.Option("--json", help="One event a line, as JSON.")]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which events are asked for."""

    services: tuple[str, ...]
    types: tuple[str, ...]
    customer: str | None

    @classmethod
    def by(cls, services: list[str] | None, types: list[str] | None, customer: str | None) -> "Chosen":
        """As the options say. Raises BadParameter (exit code 2) for a service there is not."""
        for service in services or ():
            if service not in PREFIXES:
                raise typer.BadParameter(f"{service} is none of the services {', '.join(PREFIXES)}")
        return cls(tuple(services or PREFIXES), tuple(t.partition(".v")[0] for t in types or ()), customer)


@events.command("tail")
def tail(
    count: Annotated[int, typer.Option("-n", "--count", help="So many of the last ones.", min=0)] = 20,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="And those to come, until Ctrl-C.")] = False,
    of_service: OfService = None,
    of_type: OfType = None,
    customer: OfCustomer = None,
    url: Url = HERE,
    token: Token = ADMIN,
    as_json: JsonLines = False,
) -> None:
    """The last events, oldest first; with --follow also those to come, as they are stored.

    Example: kehu events tail -f --type credit.OrderHeld
    """
    chosen = Chosen.by(of_service, of_type, customer)
    with Server.at(url, token) as server:
        heads = {s: server.get(f"{PREFIXES[s]}/events", after=2**53 - 1, limit=1)["head"] for s in chosen.services}
        last = [e for s in chosen.services for e in latest(server, s, chosen, heads[s], count)]
        for event in sorted(last, key=when)[-count:] if count else ():
            tell(event, as_json)
        while follow:
            for event in sorted(fresh(server, chosen, heads), key=when):
                tell(event, as_json)
            time.sleep(LOOK)


def latest(server: Server, service: str, chosen: Chosen, head: int, count: int) -> list[Event]:
    """The last `count` chosen events up to `head`: looked for in ever longer stretches from the end."""
    stretch = max(count, 1)
    while True:
        after = max(head - stretch, 0)
        found = [e for e in read(server, service, chosen, after) if int(e["sequence"]) <= head]
        if len(found) >= count or after == 0:
            return found[-count:] if count else []
        stretch *= 8


def fresh(server: Server, chosen: Chosen, heads: dict[str, int]) -> list[Event]:
    """What is new behind `heads`, which are moved on."""
    found: list[Event] = []
    for service in chosen.services:
        for page in pages(server, service, chosen, heads[service]):
            found += page["items"]
            heads[service] = page["next"]
    return found


def read(server: Server, service: str, chosen: Chosen, after: int) -> Iterator[Event]:
    """The chosen events of a service above a position, in order."""
    for page in pages(server, service, chosen, after):
        yield from page["items"]


def pages(server: Server, service: str, chosen: Chosen, after: int) -> Iterator[Any]:
    """The pages of the feed from a position to its end."""
    while True:
        asked = {"after": after, "limit": PAGE, "type": list(chosen.types) or None, "customer": chosen.customer}
        page = server.get(f"{PREFIXES[service]}/events", **asked)
        yield page
        if page["next"] >= page["head"]:
            return
        after = page["next"]


def when(event: Event) -> tuple[str, str, str]:
    """The order in which events of several services are told."""
    return event["recordedtime"], event["source"], event["sequence"]


@events.command("get")
def get(
    event: Annotated[str, typer.Argument(help="Its id, or service and position: credit/17")],
    url: Url = HERE,
    token: Token = ADMIN,
    as_json: Json = False,
) -> None:
    """One event with all it says, what is personal sealed.

    Example: kehu events get credit/17
    """
    service, _, position = event.rpartition("/")
    with Server.at(url, token) as server:
        found = at(server, service, position) if service else by_id(server, event)
    if as_json:
        return print_json(found)
    return out.print(json.dumps(sealed(found), ensure_ascii=False, indent=2), markup=False)


def at(server: Server, service: str, position: str) -> Event:
    """The event at a position. Raises Refused."""
    if service not in PREFIXES or not position.isdecimal() or int(position) < 1:
        raise Refused(f"{service}/{position} is no place of an event; credit/17 would be one")
    page = server.get(f"{PREFIXES[service]}/events", after=int(position) - 1, limit=1)
    if not page["items"]:
        raise Refused(f"the log of {service} ends at {page['head']}")
    found: Event = page["items"][0]
    return found


def by_id(server: Server, event: str) -> Event:
    """The event of that id, whichever service's it is. Raises Refused."""
    for prefix in PREFIXES.values():
        found: Event | None = server.find(f"{prefix}/events/{event}")
        if found is not None:
            return found
    raise Refused(f"no service has an event {event}; ids are told by `kehu events tail --json`")


@events.command("grep")
def grep(
    text: Annotated[str, typer.Argument(help="A regular expression; sought in type, stream, actor and content.")],
    of_service: OfService = None,
    of_type: OfType = None,
    customer: OfCustomer = None,
    most: Annotated[int, typer.Option("--most", help="Stop after so many.", min=1)] = 1000,
    url: Url = HERE,
    token: Token = ADMIN,
    as_json: JsonLines = False,
) -> None:
    """Events that say something, from the first on. Exit code 1 where none does. Personal data is never found.

    Example: kehu events grep 'I-90017' --service credit
    """
    chosen = Chosen.by(of_service, of_type, customer)
    try:
        sought = re.compile(text)
    except re.error as wrong:
        raise typer.BadParameter(f"{text!r} is no regular expression: {wrong}") from None
    found = 0
    with Server.at(url, token) as server:
        for event in (e for s in chosen.services for e in read(server, s, chosen, 0)):
            if found < most and sought.search(words(event)):
                found += 1
                tell(event, as_json)
    raise typer.Exit(0 if found else 1)


def words(event: Event) -> str:
    """What is sought in."""
    said = {name: event.get(name) for name in ("id", "type", "subject", "actor", "partitionkey", "effectivedate")}
    return json.dumps({**said, "data": sealed(event["data"])}, ensure_ascii=False)


def tell(event: Event, as_json: bool) -> None:
    """One line for an event."""
    if as_json:
        out.file.write(json.dumps(event, ensure_ascii=False) + "\n")
        return out.file.flush()
    service, position = event["source"].rpartition("/")[2], int(event["sequence"])
    said = json.dumps(sealed(event["data"]), ensure_ascii=False)
    head = f"{event['recordedtime'][:19]} {service}/{position} [bold]{event['type']}[/bold]"
    return out.print(f"{head} {escape(said)}", highlight=False)


def sealed(value: Any) -> Any:
    """`value` with a word in the place of everything personal, whose cipher says nothing to anybody."""
    if isinstance(value, dict):
        return "(sealed)" if SEALED in value else {name: sealed(part) for name, part in value.items()}
    return [sealed(part) for part in value] if isinstance(value, list) else value
