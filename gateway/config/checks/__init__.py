"""Checks of values that must fit together in a routing file; each value is checked by `schema`."""
