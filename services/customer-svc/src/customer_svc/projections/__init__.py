"""What customer-svc shows: one view a file."""
