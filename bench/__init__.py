"""Measurements beside a hand-written loop and python `eventsourcing`: `python -m bench [--quick] [case ...]`."""
