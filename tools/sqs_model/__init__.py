"""The rules of one SQS queue, written once: who may receive which message, and until when.

Pure: nothing here waits or reads a clock, the time comes in with each call. Three things stand on
it: the in-memory source of the tests (tests/fakes), the emulator, and the SQS of the benchmarks.
Each of them adds what is its own: waiting, the wire format, queue attributes, faults.
"""
