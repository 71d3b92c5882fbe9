"""What complaint-svc shows: one view a file."""
