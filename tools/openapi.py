"""docs/reference/openapi/<service>.json: what a service answers over HTTP, without starting it."""

import json
from types import SimpleNamespace
from typing import cast

from chassis.admission import Admission
from chassis.app import service_app
from chassis.pace import Pace
from chassis.runtime import Runtime
from chassis.service import Service
from chassis.settings import Settings


def document(service: Service) -> str:
    """The OpenAPI document as text: keys sorted, whatever the environment says, no database needed."""
    unopened = SimpleNamespace(service=service, settings=Settings.model_construct())
    pace = Pace(unopened.settings.http.rate, unopened.settings.http.failures)
    described = service_app(cast(Runtime, unopened), Admission({}, None), pace).openapi()
    return json.dumps(described, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
