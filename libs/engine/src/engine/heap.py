"""How often Python looks for garbage that refers to itself."""

import gc

LIMITS = 200_000, 20, 10
"""Objects made and still there before the young, middle and old ones are looked through."""


def look_seldom() -> None:
    """Let whole batches pass between two looks, in this process, from now on.

    A batch is tens of thousands of objects that all live until it is written and then go by themselves. With Python's
    limits (700) it is looked through over and over again: half of the time a projector takes.
    """
    if gc.isenabled() and gc.get_threshold()[0] < LIMITS[0]:
        gc.set_threshold(*LIMITS)
