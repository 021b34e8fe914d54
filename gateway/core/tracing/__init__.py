"""Traces: the context of a message, which messages are sampled, and what their spans say."""
