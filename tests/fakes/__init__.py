"""Fakes that obey the same contract as the real thing, in the running loop's own time.

With a virtual-time loop an hour costs a millisecond, and a test never sleeps to wait for something:
it waits for the bell that every fake rings when it has moved.
"""

import pytest

VIRTUAL_TIME = pytest.mark.looptime(noop_cycles=1)
"""A test's mark: the clock jumps to the next timer as soon as nothing else is left to do."""
