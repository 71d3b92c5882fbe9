"""`kehu relay`, `kehu topics`, `kehu offsets`: what was published to Kafka, is its layout right, what was read."""

from typing import Annotated, Any

import typer

from all_in_one.commands.server import PREFIXES, Server
from all_in_one.commands.terminal import ADMIN, HERE, Json, Refused, Token, Url, group, out, print_json, print_table

app = typer.Typer()
relay = group("How far the logs were published to Kafka, and publishing them again.")
topics = group("The topics of the Kafka cluster: as they are, and made as they have to be.")
offsets = group("How far the intake has read the topics of the ERP, and reading them again.")
app.add_typer(relay, name="relay")
app.add_typer(topics, name="topics")
app.add_typer(offsets, name="offsets")

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
ANY = PREFIXES["customer"]
"""All services are at the same cluster: one of them looks."""


@relay.command("status")
def status(url: Url = HERE, token: Token = ADMIN, as_json: Json = False) -> None:
    """How far each log was published: position, what waits and for how long, whether somebody works on it.

    Exit code 1 where nobody does. Without Kafka nothing is published, and nothing has to be.

    Example: kehu relay status
    """
    with Server.at(url, token) as server:
        found = {name: server.get(f"{prefix}/ops/relay") for name, prefix in PREFIXES.items()}
    if as_json:
        print_json(found)
    elif all(state["bus"] == "table" for state in found.values()):
        out.print("This Kehu runs without Kafka: its services read each other's logs where they lie.")
    else:
        print_table(
            ("service", "published", "of", "waiting", "seconds", "sent", "at work"),
            [
                (name, s["position"], s["head"], s["events"], f"{s['seconds']:.1f}", s["sent"], s["works"])
                for name, s in found.items()
            ],
        )
    raise typer.Exit(1 if any(state["works"] is False for state in found.values()) else 0)


@relay.command("resend")
def resend(
    after: Annotated[int, typer.Option("--from", help="Position after which to publish again; 0: all.", min=0)],
    service: Annotated[str | None, typer.Option(help="Only this service's log; else all four.")] = None,
    url: Url = HERE,
    token: Token = ADMIN,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Publish logs again, for a cluster that was lost or is new. Consumers know by its position what they have seen.

    Example: kehu relay resend --from 0 --dry-run
    """
    if service is not None and service not in PREFIXES:
        raise Refused(f"there is no service {service}: {', '.join(PREFIXES)}")
    chosen = {service: PREFIXES[service]} if service else PREFIXES
    body = {"after": after, "dry_run": dry_run}
    with Server.at(url, token) as server:
        found = {name: server.post(f"{prefix}/ops/relay/resend", body) for name, prefix in chosen.items()}
    if as_json:
        return print_json(found)
    for name, state in found.items():
        how = "would be published again" if dry_run else "are published again"
        out.print(f"{name}: {state['events']} events after position {state['after']} {how}")
    return None


@topics.command("ls")
def ls(url: Url = HERE, token: Token = ADMIN, as_json: Json = False) -> None:
    """Every topic: partitions, copies, and what is not as it has to be. Exit code 1 where something is not.

    Example: kehu topics ls
    """
    with Server.at(url, token) as server:
        found = server.get(f"{ANY}/ops/topics")
    if as_json:
        print_json(found)
    elif not found:
        out.print("This Kehu runs without Kafka: there are no topics.")
    else:
        tell(found)
    raise typer.Exit(1 if any(topic["state"] != "right" for topic in found) else 0)


@topics.command("apply")
def apply(url: Url = HERE, token: Token = ADMIN, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Make topics that are missing, put settings right. A wrong number of partitions is refused.

    Example: kehu topics apply --dry-run
    """
    with Server.at(url, token) as server:
        found = server.post(f"{ANY}/ops/topics/apply", {"dry_run": dry_run})["topics"]
    if as_json:
        return print_json(found)
    if not found:
        return out.print("Every topic is as it has to be.")
    out.print("These would be made or put right:" if dry_run else "These were made or put right:")
    return tell(found)


def tell(found: list[dict[str, Any]]) -> None:
    """A line a topic."""
    print_table(
        ("topic", "state", "partitions", "copies", "differs"),
        [(t["name"], t["state"], t["partitions"], t["copies"], difference(t)) for t in found],
    )


def difference(topic: dict[str, Any]) -> str:
    """What is otherwise than it has to be."""
    if topic["state"] == "wrong":
        return f"{topic['wanted']} partitions wanted"
    return ", ".join(f"{name} is {is_}, not {topic['settings'][name]}" for name, is_ in topic["differs"].items())


@offsets.command("show")
def show(url: Url = HERE, token: Token = ADMIN, as_json: Json = False) -> None:
    """How far each part of the ERP's topics was read. Consumers of events keep their places in the database: kehu lag.

    Example: kehu offsets show
    """
    with Server.at(url, token) as server:
        found = [o for prefix in PREFIXES.values() for o in server.get(f"{prefix}/ops/offsets")]
    if as_json:
        return print_json(found)
    if not found:
        return out.print("This Kehu runs without Kafka: there are no offsets.")
    columns = ("group", "topic", "part", "position", "end", "lag")
    return print_table(columns, [tuple(o[name] for name in columns) for o in found])


@offsets.command("reset")
def reset(
    to_time: Annotated[str, typer.Option(help="Read again what came since: 2026-05-01T00:00:00Z")],
    consumer: Annotated[str, typer.Option("--group", help="Whose: intake:credit or intake:customer.")],
    url: Url = HERE,
    token: Token = ADMIN,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Have the intake read documents of the ERP again. Those taken before are known: they stay what they are.

    Example: kehu offsets reset --group intake:credit --to-time 2026-05-01T00:00:00Z --dry-run
    """
    service = consumer.rpartition(":")[2]
    body = {"group": consumer, "to_time": to_time, "dry_run": dry_run}
    with Server.at(url, token) as server:
        found = server.post(f"{PREFIXES.get(service, ANY)}/ops/offsets/reset", body)
    if as_json:
        return print_json(found)
    how = "would be put elsewhere" if dry_run else "were put elsewhere"
    out.print(f"{len(found['moved'])} parts {how}." if found["moved"] else "Every part is there already.")
    return print_table(
        ("topic", "part", "before", "after"), [(m["topic"], m["part"], m["before"], m["after"]) for m in found["moved"]]
    )
