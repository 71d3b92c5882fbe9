"""The fixtures of this folder: an empty analytics database, credit-svc at work."""

from analytics_stored import empty
from credit_world import kehu, urls

__all__ = ["empty", "kehu", "urls"]
