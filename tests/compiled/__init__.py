"""The gateway with its hot path compiled does what the interpreted one does."""
