"""Recency, frequency, monetary value (R-068): how customers are scored, and what their segments are called.

A value that is better than k of the n scored values gets the score 1 + k x bins / n, rounded down: 1 is the lowest of
`bins` quantiles. Equal values are better than the same number of others, so they have the same score.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

BINS = 5
"""Quantiles a score counts, 1 the lowest."""


class Segment(NamedTuple):
    """What a combination of high and low scores is called."""

    code: str
    en: str
    zh: str


SEGMENTS: Mapping[tuple[bool, bool, bool], Segment] = MappingProxyType(
    {
        (True, True, True): Segment("champions", "Bought lately, often and much: keep them", "重要价值客户"),
        (True, False, True): Segment("to_develop", "Bought lately and much, but seldom: develop them", "重要发展客户"),
        (False, True, True): Segment("to_keep", "Bought often and much, but not lately: win them back", "重要保持客户"),
        (False, False, True): Segment("to_retain", "Bought much, but seldom and not lately: save them", "重要挽留客户"),
        (True, True, False): Segment("regulars", "Bought lately and often, but little: sell them more", "一般价值客户"),
        (True, False, False): Segment("new", "Bought lately, but seldom and little: newcomers", "一般发展客户"),
        (False, True, False): Segment("fading", "Bought often, but little and not lately", "一般保持客户"),
        (False, False, False): Segment("lost", "Bought seldom, little and not lately", "一般挽留客户"),
    }
)
"""By recency, frequency and monetary value: whether the score is high, which is above the middle (3 to 5 of 5)."""
