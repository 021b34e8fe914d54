"""Sends spans over OTLP, where the environment asks for it (docs/how-to/trace-messages.md)."""
