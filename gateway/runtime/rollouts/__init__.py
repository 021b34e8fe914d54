"""Rollouts at work: what counts the evidence, and what moves weights by it."""
