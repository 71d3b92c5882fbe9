"""Definitions of figures, tiers and alerts. Pure."""
