"""Which step, whose turn, how long."""
