"""Looking for garbage is left out where it helps nobody."""

import subprocess
import sys

LEAVING = """
import gc
from engine.heap import leave_quickly

class Knot:
    def __init__(self):
        self.self = self
    def __del__(self):
        print("looked through")

gc.disable()
Knot()
{leave}
gc.collect()
"""


def said(leave: str) -> str:
    """By a process that has garbage when it ends."""
    code = LEAVING.format(leave=leave)
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_a_process_that_leaves_quickly_does_not_look_through_what_it_has_for_eight_of_them_are_waited_for() -> None:
    assert said("") == "looked through\n"
    assert said("leave_quickly()") == ""
