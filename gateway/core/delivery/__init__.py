"""Deliveries: the headers that are sent, and what a result means for the message."""
