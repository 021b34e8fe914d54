"""Rollouts simulated by the thousand, in virtual time, through the real tests and state machine.

`make simulate` prints how often a canary is aborted, held or promoted, and after how many messages;
with `ARGS=--write` the tables and plots of docs/explanation/how-a-canary-is-judged.md are renewed.
"""
