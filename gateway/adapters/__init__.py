"""The outside world: each file wraps one library and speaks the words of `gateway.ports`."""
