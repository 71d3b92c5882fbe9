"""Every example of every operation is told to one running Kehu, in the order of their story."""

from collections.abc import Iterator

import pytest

from tests.journeys.running import company
from tests.journeys.storytelling import Teller, Told, in_order, parts

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("examples")]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Told]]:
    with company(tmp_path_factory.mktemp("examples"), "story") as kehu, kehu.client() as client:
        teller = Teller(client)
        yield [teller.tell(part, example) for part, example in in_order(parts())]


def test_every_example_is_answered_as_its_document_says(story: list[Told]) -> None:
    refused = [f"{told.name}: {told.status} {told.answer}" for told in story if told.status >= 300]
    assert refused == []
    wrong = {told.name: told.part.faults(told.example, told.status, told.answer) for told in story}
    assert {name: faults for name, faults in wrong.items() if faults} == {}
