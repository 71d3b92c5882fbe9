"""When Python looks for garbage that refers to itself."""

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


def leave_quickly() -> None:
    """Nothing is looked through on the way out: the process gives all of it back when it has ended.

    Python looks through everything several times as it ends, a second of a processor for a service, while whoever
    stops eight of them waits. What is open must have been closed before.
    """
    gc.freeze()
