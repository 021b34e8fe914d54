"""What observers make of events: metrics, statistics, log lines."""
