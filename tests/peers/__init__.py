"""Other systems' cases, replayed."""
