"""Moves all messages of a queue to another one; `gateway drain-queue` runs it."""
