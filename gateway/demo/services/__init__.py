"""The services of the chain: A in front of it, and B, B1, C, C1 and D behind the queue."""
