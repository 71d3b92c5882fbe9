"""The fixtures of this folder; what they are lies in ``analytics_world`` and ``analytics_stored``."""

from analytics_stored import columns, empty, measures, read
from analytics_world import history, world

__all__ = ["columns", "empty", "history", "measures", "read", "world"]
