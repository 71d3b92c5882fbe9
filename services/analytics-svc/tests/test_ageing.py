"""Ageing by due or document date, with and without disputed amounts, of all and of each customer or group."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from analytics_history import LATE, MAY
from analytics_reading import attribute, in_dispute, matrix, outstanding
from analytics_stored import BASES, DISPUTED, LOG, POINTS, by_number, four_answers, scope

from analytics_svc.domain.ageing import Disputed, columns
from analytics_svc.domain.figures import Basis, Edges
from analytics_svc.domain.measures import Scope, aged
from analytics_svc.domain.periods import GroupBy
from analytics_svc.projections import ageing, groups
from analytics_svc.projections.stored import StoredMeasures


async def rows(measures: StoredMeasures, at: Scope, edges: Edges, disputed: Disputed, by: GroupBy) -> dict[str, Any]:
    query = ageing.matrix(at, edges, disputed, groups.of(at, by))
    return {r["name"]: dict(r) for r in await measures.facts.rows(query)}


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("disputed", DISPUTED)
async def test_every_customers_buckets_depend_on_both_times(
    measures: StoredMeasures, basis: Basis, disputed: Disputed
) -> None:
    edges, answers = Edges(upper=(10, 30, 45), basis=basis), []
    for as_of, known_at in POINTS:
        found = await rows(measures, scope(as_of, known_at), edges, disputed, "customer")
        expected = matrix(list(LOG.known(as_of, known_at)), as_of, edges.upper, basis, disputed)
        assert {name: by_number(row, edges) for name, row in found.items()} == expected
        answers.append(found)
    four_answers(answers)


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("disputed", DISPUTED)
async def test_rows_add_up_to_the_total_and_that_to_what_is_outstanding(
    measures: StoredMeasures, basis: Basis, disputed: Disputed
) -> None:
    """The closing check: buckets + unallocated (+ what is in dispute) = outstanding = ledger."""
    edges = Edges(basis=basis)
    for as_of, known_at in POINTS:
        at, facts = scope(as_of, known_at), list(LOG.known(as_of, known_at))
        total = {b.bucket: b.amount for b in aged(await measures.by_date(at, basis, disputed), as_of, edges)}
        disputes = sum((i.amount for i in in_dispute(facts)), Decimal(0))
        owed = {"included": outstanding(facts), "excluded": outstanding(facts) - disputes, "only": disputes}[disputed]
        assert sum(total.values()) == owed
        for by in ("customer", "type", "company"):
            found = (await rows(measures, at, edges, disputed, by)).values()
            for name, column in columns(edges).items():
                assert sum(row[column] for row in found) == total[name], (by, name, as_of)
            assert sum(row["outstanding"] for row in found) == owed


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("disputed", DISPUTED)
async def test_every_bucket_is_explained_by_events_that_add_up_to_it(
    measures: StoredMeasures, basis: Basis, disputed: Disputed
) -> None:
    edges = Edges(upper=(20, 50), basis=basis)
    at = scope(MAY, LATE)
    [row] = (await rows(measures, at, edges, disputed, "company")).values()
    for name, query in ageing.entries(at, edges, disputed).items():
        assert await measures.summed(query) == row[columns(edges)[name]], name


async def test_groups_are_those_of_the_day(measures: StoredMeasures) -> None:
    for as_of, known_at in POINTS:
        facts = list(LOG.known(as_of, known_at))
        found = await rows(measures, scope(as_of, known_at), Edges(), "included", "type")
        kinds = attribute(facts, "type")
        for name, row in found.items():
            mine = [f for f in facts if kinds.get(f.customer or "", "") == name]
            assert row["outstanding"] == outstanding(mine), (name, as_of)


# --- buckets -----------------------------------------------------------------------------------------------------


def test_due_today_is_current_and_a_document_of_today_is_in_the_first_bucket() -> None:
    by_due, by_document = Edges(upper=(30, 60)), Edges(upper=(30, 60), basis="document")
    assert by_due.names == ("current", "1-30", "31-60", ">60")
    assert by_document.names == ("0-30", "31-60", ">60")
    assert [by_due.bucket(n) for n in (-5, 0, 1, 30, 31, 61)] == ["current", "current", "1-30", "1-30", "31-60", ">60"]
    assert [by_document.bucket(n) for n in (0, 30, 31, 61)] == ["0-30", "0-30", "31-60", ">60"]


def dates(edges: Edges) -> Sequence[tuple[date | None, date | None]]:
    return [edges.dates(name, date(2024, 5, 31)) for name in edges.names]


def test_buckets_cover_every_date_once() -> None:
    assert dates(Edges(upper=(30,))) == [
        (date(2024, 5, 31), None), (date(2024, 5, 1), date(2024, 5, 30)), (None, date(2024, 4, 30)),
    ]  # fmt: skip
    assert dates(Edges(upper=(30,), basis="document")) == [
        (date(2024, 5, 1), date(2024, 5, 31)), (None, date(2024, 4, 30)),
    ]  # fmt: skip
