"""The fixtures of this folder; what they are lies in ``chassis_world`` and ``watching``."""

from chassis_world import eventually, http, poison, running, settings, start, url
from watching import spans

__all__ = ["eventually", "http", "poison", "running", "settings", "spans", "start", "url"]
