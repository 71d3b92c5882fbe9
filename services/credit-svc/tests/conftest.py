"""The fixtures of this folder; what they are lies in ``credit_world``."""

from credit_world import eventually, kehu, urls

__all__ = ["eventually", "kehu", "urls"]
