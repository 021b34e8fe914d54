"""Fuzz targets: `make fuzz ARGS="TARGET SECONDS"` searches for inputs, the corpus keeps them.

Each target is a function from bytes to nothing that raises AssertionError, or any exception that
the code under test should not raise.
"""
