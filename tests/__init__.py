"""Tests of the gateway; `tools/` beside it has what they and the bench run against."""
