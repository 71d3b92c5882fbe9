"""The fixtures of this folder; what they are lies in ``engine_world``."""

from engine_world import migrated, service, store

__all__ = ["migrated", "service", "store"]
