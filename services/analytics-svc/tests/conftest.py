"""The fixtures of this folder; what they are lies in ``analytics_world``."""

from analytics_world import world

__all__ = ["world"]
