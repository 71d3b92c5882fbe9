"""What every service stands on: app factory, settings, auth, problems, health."""
