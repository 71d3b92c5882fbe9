"""What credit-svc shows: one view a file."""
