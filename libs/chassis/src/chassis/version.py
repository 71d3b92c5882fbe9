"""Which Kehu this is."""

VERSION = "0.1.0"
"""Of all packages; they are released together."""
