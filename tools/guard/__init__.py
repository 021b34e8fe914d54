"""The regression guard: what the gateway does to a message, as a multiple of the least it must do.

Counted in instructions, by valgrind's callgrind: seconds say nothing on a machine that others use
too, and even quotients of seconds differ by a third between processors. Each piece of the hot path
has a yardstick: the same kind of work, written down flat, without any checks, cases or
abstractions, and never optimized. What callgrind does not see is the kernel, and what the caches
miss: that is for `make bench`.
"""
