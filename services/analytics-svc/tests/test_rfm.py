"""Recency, frequency, monetary value: values against a naive reading, scores by quantile, segments by high and low."""

from typing import Any

import pytest
from analytics_reading import rfm as reading
from analytics_stored import LOG, POINTS, four_answers, scope

from analytics_svc.domain.measures import Scope
from analytics_svc.domain.rfm import SEGMENTS
from analytics_svc.projections import rfm
from analytics_svc.projections.stored import StoredMeasures

VALUES = ("recency_days", "frequency", "monetary", "recency_score", "frequency_score", "monetary_score")


async def scored(measures: StoredMeasures, at: Scope, bins: int = 5) -> dict[str, dict[str, Any]]:
    return {r["customer"]: dict(r) for r in await measures.facts.rows(rfm.scored(at, "order_intake", bins))}


@pytest.mark.parametrize("bins", [2, 5])
async def test_rfm_depends_on_both_times(measures: StoredMeasures, bins: int) -> None:
    answers = []
    for as_of, known_at in POINTS:
        found = await scored(measures, scope(as_of, known_at), bins)
        expected = reading(list(LOG.known(as_of, known_at)), as_of, bins)
        assert {c: tuple(row[v] for v in VALUES) for c, row in found.items()} == expected
        answers.append(expected)
    four_answers(answers)


async def test_segments_count_everybody_once(measures: StoredMeasures) -> None:
    for point in POINTS:
        rows = (await scored(measures, scope(*point))).values()
        counted = {r["segment"]: r for r in await measures.facts.rows(rfm.by_segment(scope(*point), "order_intake", 5))}
        assert sum(r["customers"] for r in counted.values()) == len(rows)
        assert sum(r["monetary"] for r in counted.values()) == sum(r["monetary"] for r in rows)
        for row in rows:
            highs = tuple(row[name] >= 3 for name in VALUES[3:])
            assert row["segment"] == SEGMENTS[highs].code


def test_every_segment_has_a_name_in_both_languages() -> None:
    assert len(SEGMENTS) == 8
    assert len({s.code for s in SEGMENTS.values()} & {s.zh for s in SEGMENTS.values()}) == 0
    assert all(s.zh.endswith("客户") and s.en for s in SEGMENTS.values())
