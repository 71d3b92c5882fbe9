"""Every test may ask for a database (see engine.testing.plugin)."""

pytest_plugins = ["engine.testing.plugin"]
