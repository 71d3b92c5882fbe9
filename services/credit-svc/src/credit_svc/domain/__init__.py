"""What credit-svc decides: aggregates and their rules. Pure."""
