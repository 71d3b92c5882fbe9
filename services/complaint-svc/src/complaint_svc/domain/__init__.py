"""What complaint-svc decides, without any IO."""
