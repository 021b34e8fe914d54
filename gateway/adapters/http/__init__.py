"""Targets that deliver over HTTP."""
