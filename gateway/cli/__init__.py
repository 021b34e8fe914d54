"""The commands. Each imports only what it needs, so that `check` starts in no time."""
