"""A canary on trial on this machine: two gateways on one queue, with their state shared."""
