"""Test kits: what tests of several packages share. Never imported by production code."""
