"""`kehu deadletters`: events that wait for a person, one customer at a time."""

from typing import Annotated, Any, NoReturn

import typer
from rich.markup import escape

from all_in_one.commands.server import PREFIXES, Server
from all_in_one.commands.terminal import ADMIN, HERE, Json, Refused, Token, Url, group, out, print_json, print_table

app = typer.Typer()
letters = group("Events that nobody could deal with, and all later ones of their customers: they wait for a person.")
app.add_typer(letters, name="deadletters")

Letter = Annotated[str, typer.Argument(help="Its id, as `ls` shows it: credit/12")]
OWNERS = {"company": "customer"}
"""Topic -> service whose log it lies in, where the names differ."""


@letters.command("ls")
def ls(
    url: Url = HERE,
    token: Token = ADMIN,
    as_json: Json = False,
    customer: Annotated[str | None, typer.Option(help="Only of this customer.")] = None,
    consumer: Annotated[str | None, typer.Option(help="Only of this consumer: view:invoices")] = None,
) -> None:
    """All that wait, in the order they were parked: `poison` failed itself, `behind` waits for one that did.

    Example: kehu deadletters ls --customer C-103
    """
    with Server.at(url, token) as server:
        found = [x for service in PREFIXES for x in parked(server, service, customer, consumer)]
    if as_json:
        return print_json(found)
    rows = [(x["letter"], x["group"], x["customer"], x["type"], x["kind"], x["attempts"], x["error"]) for x in found]
    return print_table(("letter", "consumer", "customer", "event", "kind", "tried", "error"), rows)


def parked(server: Server, service: str, customer: str | None, consumer: str | None) -> list[dict[str, Any]]:
    """The open letters of a service, all pages."""
    found: list[dict[str, Any]] = []
    after = 0
    while True:
        path = f"{PREFIXES[service]}/ops/dead-letters"
        page = server.get(path, after=after, limit=500, customer=customer, group=consumer)
        found += [{"letter": f"{service}/{x['id']}", **x} for x in page["items"]]
        if not page["items"]:
            return found
        after = page["next"]


@letters.command("show")
def show(letter: Letter, url: Url = HERE, token: Token = ADMIN, as_json: Json = False) -> None:
    """One letter: what failed, where in the code, and the event itself; what is personal in it stays sealed.

    Example: kehu deadletters show credit/12
    """
    with Server.at(url, token) as server:
        found = one(server, letter)
        owner = OWNERS.get(found["topic"], found["topic"])
        page = server.get(f"{PREFIXES[owner]}/events", after=found["position"] - 1, limit=1)
    whole = {**found, "content": page["items"][0]}
    if as_json:
        return print_json(whole)
    for name in ("letter", "group", "customer", "type", "kind", "error", "place", "attempts", "parked_at", "tried_at"):
        out.print(f"{name:10}{escape(str(found[name]))}")
    out.print(f"event     {owner}/{found['position']} (kehu events get {owner}/{found['position']})")
    return None


def one(server: Server, letter: str) -> dict[str, Any]:
    """The letter of that id. Raises Refused."""
    service, _, number = letter.partition("/")
    if service not in PREFIXES or not number.isdecimal():
        raise Refused(f"{letter} is no id of a letter; `kehu deadletters ls` shows them: credit/12")
    page = server.get(f"{PREFIXES[service]}/ops/dead-letters", after=int(number) - 1, limit=1)
    if not page["items"] or page["items"][0]["id"] != int(number):
        raise Refused(f"there is no letter {letter}, or it was dealt with; `kehu deadletters ls` shows those there are")
    return {"letter": letter, **page["items"][0]}


@letters.command("replay")
def replay(
    letter: Annotated[str | None, typer.Argument(help="A letter of the customer: credit/12; or --all")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every customer of every consumer.")] = False,
    topic: Annotated[str | None, typer.Option("--from-topic", help="Those a topic of dead letters tells of.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --from-topic: only say what would be.")] = False,
    url: Url = HERE,
    token: Token = ADMIN,
    as_json: Json = False,
) -> None:
    """Try a customer's letters again, all in order or none, once their cause is mended. Exit code 1 if it failed again.

    Example: kehu deadletters replay credit/12
    """
    if [letter is not None, every, topic is not None].count(True) != 1:
        raise typer.BadParameter("name a letter, or --all, or --from-topic TOPIC")
    if dry_run and topic is None:
        raise typer.BadParameter("--dry-run goes with --from-topic")
    with Server.at(url, token) as server:
        if topic is not None:
            told_of(from_topic(server, topic, dry_run), dry_run, as_json)
        chosen = [x for s in PREFIXES for x in parked(server, s, None, None)] if every else [one(server, str(letter))]
        done = [again(server, *who) for who in dict.fromkeys(map(whose, chosen))]
    told_of(done, dry_run, as_json)


def from_topic(server: Server, topic: str, dry_run: bool) -> list[dict[str, Any]]:
    """What became of each customer the topic tells of, asked of every service: a letter names its own."""
    body, found = {"topic": topic, "dry_run": dry_run}, list[dict[str, Any]]()
    for service, prefix in PREFIXES.items():
        for told in server.post(f"{prefix}/ops/dead-letters/replay-topic", body)["customers"]:
            found.append({"service": service, "consumer": told.pop("group"), **told})
    return found


def told_of(done: list[dict[str, Any]], dry_run: bool, as_json: bool) -> NoReturn:
    """What became of each customer; exit code 1 where one failed again."""
    if as_json:
        print_json(done)
    elif not done:
        out.print("Nothing waits there.")
    for d in [] if as_json else done:
        came = "failed again" if d["replayed"] is None else f"{d['replayed']} dealt with"
        said = f"{d['waiting']} would be tried again" if dry_run else came
        out.print(f"{d['service']} {d['consumer']}, customer {d['customer']}: {said}")
    raise typer.Exit(1 if any(d["replayed"] is None for d in done) else 0)


def whose(letter: dict[str, Any]) -> tuple[str, str, str]:
    """Service, consumer and customer: what is replayed together."""
    return letter["letter"].partition("/")[0], letter["group"], letter["customer"]


def again(server: Server, service: str, consumer: str, customer: str) -> dict[str, Any]:
    """What became of a customer's letters; `replayed` None: it failed again."""
    body = {"group": consumer, "customer": customer}
    answer = server.post(f"{PREFIXES[service]}/ops/dead-letters/replay", body)
    return {"service": service, "consumer": consumer, "customer": customer, "replayed": answer["letters"]}


@letters.command("discard")
def discard(
    letter: Letter,
    url: Url = HERE,
    token: Token = ADMIN,
    as_json: Json = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it only what would be done is said.")] = False,
) -> None:
    """Take one letter as never to be dealt with: what it would have led to is missing for ever. The event itself stays.

    Example: kehu deadletters discard credit/12 --yes
    """
    with Server.at(url, token) as server:
        found = one(server, letter)
        if yes:
            body = {"group": found["group"], "customer": found["customer"], "letter": found["id"]}
            server.post(f"{PREFIXES[letter.partition('/')[0]]}/ops/dead-letters/discard", body)
    if as_json:
        return print_json({"done": yes, **found})
    what = f"{found['type']} at {found['topic']} {found['position']} for {found['group']}, customer {found['customer']}"
    said = f"Discarded {what}." if yes else f"Would discard {what}; nothing was done, --yes does it."
    return out.print(escape(said))
