"""The part of the gateway that decides.

Nothing in here waits, reads a clock, rolls dice or logs.
"""
