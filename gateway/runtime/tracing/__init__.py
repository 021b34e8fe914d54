"""Notes what happens to sampled messages, and makes their spans once they are settled.

A source and targets are wrapped: a route without tracing has nothing wrapped, so that it costs
nothing. Of a message that is not sampled only the flag is looked at.
"""
