"""How a canary is judged and moved on: pure, with time as a number that the caller gives."""
