"""What both daemons need of their host: configuration files, logs, signals, readiness, health and metrics."""
