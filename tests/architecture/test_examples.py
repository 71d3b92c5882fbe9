"""Every operation has an example, and every example is of an operation as it is documented."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from fastapi import FastAPI
from tools.openapi import document

from all_in_one.services import SERVICES
from chassis.examples import Example, operations, show
from chassis.service import Service
from tests.journeys.storytelling import DOCUMENTS, Part, parts

PARTS = parts()
every_part = pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name or "root")


def without(document: Mapping[str, Any], examples: Iterable[Example], name: str) -> list[str]:
    """A sentence for each operation that has no example."""
    where = f"services/{name}-svc/src/{name}_svc/examples.py" if name else "libs/chassis/src/chassis/own_examples.py"
    told = {e.operation for e in examples}
    return [
        f"{operation} has no example: add Example(...) to {where} "
        "(or, where all services have it, to libs/chassis/src/chassis/own_examples.py)"
        for operation, _ in operations(document)
        if operation not in told
    ]


def amiss(document: Mapping[str, Any], examples: Sequence[Example]) -> list[str]:
    """A sentence for each example that its operation would not take as it stands."""
    known = dict(operations(document))
    gone = [f"{e.operation} is no operation: {e.title}" for e in examples if e.operation not in known]
    return gone + [s for e in examples if e.operation in known for s in _unlike(known[e.operation], e)]


def _unlike(operation: Mapping[str, Any], example: Example) -> Iterable[str]:
    parameters = operation.get("parameters", ())
    paths = {p["name"] for p in parameters if p["in"] == "path"}
    if paths != set(example.path):
        yield f"{example.operation} has the path parameters {sorted(paths)}: {example.title}"
    unknown = set(example.query) - {p["name"] for p in parameters if p["in"] == "query"}
    if unknown:
        yield f"{example.operation} has no parameter {sorted(unknown)}: {example.title}"
    if ("requestBody" in operation) != (example.body is not None):
        yield f"{example.operation} takes {'a' if 'requestBody' in operation else 'no'} body: {example.title}"


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_the_document_that_is_kept_is_the_one_that_is_answered(service: Service) -> None:
    assert (DOCUMENTS / f"{service.name}.json").read_text(encoding="utf-8") == document(service), "make docs WRITE=1"


@every_part
def test_every_operation_has_an_example(part: Part) -> None:
    assert without(part.document, part.examples, part.name) == []


@every_part
def test_every_example_is_of_an_operation_and_has_a_place_and_a_title_of_its_own(part: Part) -> None:
    assert amiss(part.document, part.examples) == []
    places = [e.at for e in part.examples]
    assert sorted(set(places)) == sorted(places)
    titles = [(e.operation, e.title) for e in part.examples]
    assert len(set(titles)) == len(titles)


@every_part
def test_the_document_is_filled_with_the_first_example_of_each_operation(part: Part) -> None:
    for name, operation in operations(part.document):
        first = min((e for e in part.examples if e.operation == name), key=lambda e: e.at)
        values = {p["name"]: p.get("example") for p in operation.get("parameters", ())}
        assert set(first.path) <= {n for n, value in values.items() if value is not None}, name
        assert {n: values[n] for n in first.query} == dict(first.query), name
        assert values.get("Idempotency-Key") in (None, first.key)
        if first.body is not None:
            shown = operation["requestBody"]["content"][first.media]["examples"]
            assert shown[first.name] == {"summary": first.title, "value": first.body}, name


def test_a_route_without_an_example_and_an_example_that_does_not_fit_are_found() -> None:
    app = FastAPI()

    @app.post("/orders/{order}")
    def change(order: str, quantity: int) -> None:
        """Changes it."""

    document = app.openapi()
    (sentence,) = without(document, (), "customer")
    assert sentence.startswith(
        "POST /orders/{order} has no example: add Example(...) to services/customer-svc/src/customer_svc/examples.py"
    )
    fits = Example(1, "sales", "POST /orders/{order}", "Three", path={"order": "O-1"}, query={"quantity": 3})
    assert without(document, (fits,), "customer") == amiss(document, (fits,)) == []
    wrong = Example(2, "sales", "POST /orders/{order}", "Wrong", {}, query={"size": 3})
    assert amiss(document, (wrong, Example(3, "sales", "GET /orders", "Gone"))) == [
        "GET /orders is no operation: Gone",
        "POST /orders/{order} has the path parameters ['order']: Wrong",
        "POST /orders/{order} has no parameter ['size']: Wrong",
        "POST /orders/{order} takes no body: Wrong",
    ]
    show(document, (fits,), {"POST /orders/{order}": {"done": True}})
    filled = document["paths"]["/orders/{order}"]["post"]
    assert [p["example"] for p in filled["parameters"]] == ["O-1", 3]
    assert filled["responses"]["200"]["content"]["application/json"]["example"] == {"done": True}
