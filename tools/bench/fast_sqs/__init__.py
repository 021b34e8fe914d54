"""An SQS that is fast enough to be no bottleneck in a benchmark; see `__main__`."""
