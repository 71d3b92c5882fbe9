"""The fixtures of this folder; what they are lies in ``engine_world`` and ``handle_world``."""

from engine_world import migrated, service, store
from handle_world import another, handler

__all__ = ["another", "handler", "migrated", "service", "store"]
