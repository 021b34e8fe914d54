"""The fault bench: the real gateway between an SQS and services that both fail, and checks.

All faults are seeded. Every check reads two records: the emulator's history of each message, and
the services' of each delivery. `make chaos` runs it. A fault-injecting proxy in front of
the emulator (microburst) is not used: the emulator's own rules cover its kinds of faults and more,
and only they can record in the history which messages a fault touched.
"""
