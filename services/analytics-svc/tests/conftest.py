"""The fixtures of this folder; what they are lies in ``analytics_world`` and ``analytics_stored``."""

from analytics_stored import measures, read
from analytics_world import world

__all__ = ["measures", "read", "world"]
