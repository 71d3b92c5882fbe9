"""`kehu erase-person`: make what was said of a person unreadable, everywhere and for ever."""

from typing import Annotated, Any

import typer

from all_in_one.commands.server import PREFIXES, Server
from all_in_one.commands.terminal import ADMIN, HERE, Json, Refused, Token, Url, group, out, print_json, print_table

app = group()


@app.command("erase-person")
def erase_person(
    customer: Annotated[str, typer.Argument(help="The customer whose contact or complainant the person is.")],
    person: Annotated[str, typer.Argument(help="The person's id.")],
    reason: Annotated[str | None, typer.Option(help="Why; kept, and readable. Needed with --yes.")] = None,
    url: Url = HERE,
    token: Token = ADMIN,
    as_json: Json = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it only what would be done is said.")] = False,
) -> None:
    """Destroy a person's keys in every service: what was said of the person can be read nowhere again. Figures stay.

    Backups made before still hold the keys: they are to be destroyed, or made anew.

    Example: kehu erase-person C-103 wang-fang --reason 'asked for it by letter' --yes
    """
    if yes and not reason:
        raise typer.BadParameter("an erasure needs a --reason")
    with Server.at(url, token) as server:
        held = [server.get(f"{prefix}/ops/persons", person=person) for prefix in PREFIXES.values()]
        if yes:
            body = {"customer": customer, "person": person, "reason": reason}
            server.post("/api/customers/contacts/erase", body)
    found = [h for h in held if h["key_since"] is not None]
    if not found and not yes:
        raise Refused(f"nothing is sealed about {person}: no such person, or erased already; nothing was done")
    if as_json:
        return print_json({"done": yes, "customer": customer, "person": person, "services": found})
    return tell(found, person, yes)


def tell(found: list[dict[str, Any]], person: str, done: bool) -> None:
    """Which keys and events are concerned."""
    types = [", ".join(sorted({e["type"] for e in held["newest"]})) for held in found]
    rows = [(h["service"], h["key_since"], h["events"], t) for h, t in zip(found, types, strict=True)]
    print_table(("service", "key since", "events", "among them"), rows)
    if done:
        return out.print(f"{person} is erased; each service destroys its key within a moment.")
    return out.print("These keys would be destroyed, for ever; nothing was done, --yes does it.")
