"""The routing file as pydantic models, and the plain values that they are made of."""
