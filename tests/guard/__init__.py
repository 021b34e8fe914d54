"""The regression guard: what the core does to a message, as a multiple of the least it must cost.

Seconds say nothing on a machine that others use too, and another processor has other seconds. So
each piece of the hot path has a yardstick: the same kind of work, written down flat, without any
checks, cases or abstractions, and never optimized. Both are run in turns of a few microseconds,
piece and yardstick and back, on the clock of this thread; the median of some hundred quotients
moves by 3 % between runs, on an idle machine and on one with three others at work on it.
"""
