"""What may be written in a routing file: pydantic models and the plain values they are made of."""
