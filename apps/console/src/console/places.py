"""The services as a page or a command knows them, who asks them over HTTP: loading them would take seconds."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A service: its name, its title and the path all its routes lie under."""

    name: str
    title: str
    prefix: str


PLACES: tuple[Place, ...] = (
    Place("customer", "Kehu: customers and orders", "/api/customers"),
    Place("credit", "Kehu: credit and receivables", "/api/credit"),
    Place("complaint", "Kehu: complaints", "/api/complaints"),
    Place("analytics", "Kehu analytics: figures, tiers, alerts", "/api/analytics"),
)
"""The same as the manifests say: a test compares them."""
PREFIXES: Mapping[str, str] = {place.name: place.prefix for place in PLACES}
