"""Kafka's own trials: members of a group that come, stop and die, and versions that differ.

Real gateways, as processes, between a broker in memory (tansu) and services of this process.
Audited by what the services saw, and by what the broker has as committed.
"""
