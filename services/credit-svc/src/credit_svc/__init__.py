"""May this order go, what is owed, what is late, what to do about it."""
