"""`kehu demo`: the demo company of a running Kehu."""

from typing import Any

import httpx

from all_in_one.commands.terminal import HERE, Json, Refused, Url, group, out, print_json
from all_in_one.demo.begin import PATH

app = group("The demo company: how far it is, and how its time goes on.")
START_EMPTY = "make run DATA=mine"
"""The command that starts an empty company."""


@app.command()
def status(url: Url = HERE, as_json: Json = False) -> None:
    """How far the demo company is.

    Example: kehu demo status
    """
    told = status_of(url)
    if as_json:
        return print_json(told)
    if not told["demo"]:
        return out.print("a company of its own, not the demo")
    out.print(f"the demo company is {told['state']}: {told['done']} of {told['total']} documents")
    out.print(f"history to {told['until']} (seed {told['seed']}), lived through {told['through'] or 'nothing yet'}")
    return None


def status_of(url: str) -> dict[str, Any]:
    """What the server says about its demo company; one without this page has none. Raises Refused."""
    try:
        answer = httpx.get(f"{url}{PATH}", timeout=10)
    except httpx.TransportError as error:
        raise Refused(f"Kehu does not answer ({url}): {error}") from None
    found = answer.json() if answer.status_code == httpx.codes.OK else {"demo": False, "state": "none"}
    return dict(found)


def refuse_import_into_demo(url: str) -> None:
    """Raises Refused where the company at `url` is the demo: real documents among invented ones help nobody."""
    if status_of(url)["demo"]:
        raise Refused(
            "this is the demo company, and nothing is imported into invented data."
            f" Stop it (Ctrl-C), start an empty company with `{START_EMPTY}`, and import again."
        )
