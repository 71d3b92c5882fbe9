"""Tiers, DSO, ageing, analyses, warnings."""
