"""How long tests wait for what must come: no loaded machine is as slow, and nobody waits in vain.

What has to end a cell is its deadline alone, where no other cell can come near it.
"""

from __future__ import annotations

import time

PATIENCE = 600  # seconds


def wait_for(condition):
    """Return once it holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
