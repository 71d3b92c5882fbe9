"""docs/reference/openapi/<service>.json: what a service answers over HTTP, without starting it."""

import json

from chassis.app import described
from chassis.service import Service


def document(service: Service) -> str:
    """The OpenAPI document as text: keys sorted, whatever the environment says, no database needed."""
    return json.dumps(described(service).openapi(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
