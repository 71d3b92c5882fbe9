"""The demo company: who it is and what happens to it (`company`, pure), loaded and lived through the intake."""
