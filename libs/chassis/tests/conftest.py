"""The fixtures of this folder; what they are lies in ``chassis_world``."""

from chassis_world import eventually, http, poison, running, settings, start, url

__all__ = ["eventually", "http", "poison", "running", "settings", "start", "url"]
