"""Tests, the emulator that they and the bench run against, and the bench."""
