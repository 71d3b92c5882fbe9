"""`python -m console`: the gateway as a process of its own, before services that run elsewhere."""

import sys
from collections.abc import Mapping

import uvloop
from pydantic import ValidationError
from pydantic_settings import SettingsError

from chassis.run import PortTaken, bound, server
from chassis.settings import Settings
from chassis.telemetry import configure
from chassis.wrong_settings import named
from console import pages
from console.gateway import gateway
from console.places import PLACES
from engine.heap import leave_quickly


class CannotBegin(Exception):
    """The settings do not suffice; the sentence says what to set."""


def main() -> None:
    """Until SIGTERM or SIGINT. Ends with exit code 1 and one sentence where it cannot begin."""
    try:
        settings = Settings()
        configure(settings.logs)
        uvloop.run(serve(settings, addresses(settings)))
    except KeyboardInterrupt:
        return
    except (ValidationError, SettingsError) as wrong:
        sys.exit(f"the console did not start: {named(wrong)}")
    except (CannotBegin, PortTaken) as stopped:
        sys.exit(f"the console did not start: {stopped}")
    finally:
        leave_quickly()


def addresses(settings: Settings) -> Mapping[str, str]:
    """Where the api of each service is. Raises CannotBegin where that of one is not said, or of one there is not."""
    given, known = settings.gateway.apis, [place.name for place in PLACES]
    lacking, strange = [n for n in known if n not in given], [n for n in given if n not in known]
    if lacking or strange:
        example = ", ".join(f'"{name}": "http://{name}-api:8000"' for name in known)
        what = (
            f"nobody says where the api of {', '.join(lacking)} is" if lacking else f"no service is called {strange[0]}"
        )
        raise CannotBegin(f"{what}: set KEHU_GATEWAY__APIS='{{{example}}}'")
    return given


async def serve(settings: Settings, apis: Mapping[str, str]) -> None:
    """Serve the console and hand on what is the services'."""
    token = "dev-admin" if settings.auth.development else None
    with bound(settings.http.host, settings.http.port, "KEHU_HTTP__PORT") as door:
        async with gateway(settings, apis, settings.gateway.workers) as app:
            pages.mount(app, PLACES, token)
            await server(app, settings, [app.state.gateway]).serve(sockets=[door])


if __name__ == "__main__":
    main()
