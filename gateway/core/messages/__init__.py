"""One received message: body, attributes, baggage, and what is derived from them."""
