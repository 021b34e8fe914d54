"""The commands, a module for each. A command imports only what it needs, so that it is quick."""
