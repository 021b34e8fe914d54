"""The part of the gateway that decides. Pure: no waiting, clock, randomness, logs or I/O.

Time and random numbers are arguments. Modules here import the standard library, parsers and each
other; tests/architecture/test_core_is_pure.py checks that.
"""
