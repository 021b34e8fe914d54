"""Received messages: body, attributes, baggage, and the values derived from them."""
