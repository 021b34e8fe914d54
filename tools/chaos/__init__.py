"""The fault bench: the real gateway between an SQS and services that both fail, and a verdict.

Everything that goes wrong is seeded, and every claim comes from two ledgers: the emulator's of each
message, the services' of each delivery. `make chaos` runs it. A fault-injecting proxy in front of
the emulator (microburst) is not used: the emulator's own rules cover its kinds of faults and more,
and only they can write down in the ledger which messages a fault touched.
"""
