"""A followed object on this machine: a controller moves it, and two gateways move the queue."""
