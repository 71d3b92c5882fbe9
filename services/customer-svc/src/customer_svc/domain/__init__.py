"""What customer-svc decides, without any IO."""
