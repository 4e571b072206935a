"""SIP transactions (RFC 3261 17, RFC 6026): tables, one machine, matching. Only runner.py does IO."""
