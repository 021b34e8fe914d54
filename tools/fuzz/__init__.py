"""Fuzz targets: `make fuzz ARGS="TARGET SECONDS"` looks for inputs, the corpus keeps what it found.

Each target is a function from bytes to nothing that raises AssertionError, or whatever the code
under test should not have raised.
"""
