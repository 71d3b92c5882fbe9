"""Guarantees of the customer record: what is found, kept, told."""

from tests.sabotage.guarantee import Guarantee

CUSTOMER = "services/customer-svc/src/customer_svc/"
RECORD = "services/customer-svc/tests/test_record_http.py::"
VIEWS = "services/customer-svc/tests/test_customer_views.py::"

GUARANTEES: tuple[Guarantee, ...] = (
    Guarantee(
        "a request for many is repeated customer by customer",
        "libs/chassis/src/chassis/idempotency.py",
        """return ids.named(self.principal, self.key, "about", subject)""",
        "return self.command()",
        (RECORD + "test_all_customers_of_an_employee_are_handed_over_once_however_often_it_is_asked",),
    ),
    Guarantee(
        "what was collected earlier hides nothing found later",
        CUSTOMER + "projections/blocks.py",
        """    if before["collected_on"] > event.collected.on:""",
        "    if False:",
        (VIEWS + "test_a_block_reads_as_found_on_the_latest_day",),
    ),
    Guarantee(
        "wildcards in a search are plain characters",
        CUSTOMER + "projections/customers.py",
        "c.findable.contains(word, autoescape=True)",
        "c.findable.contains(word)",
        (RECORD + "test_customers_are_found_by_whatever_is_known_of_them_the_closest_first",),
    ),
    Guarantee(
        "a sentence says nothing personal",
        "libs/events/src/events/sentences/customer.py",
        '"Contact {contact.person} recorded',
        '"Contact {contact.name} recorded',
        ("libs/events/tests/test_sentences.py::test_a_sentence_never_says_what_is_personal",),
    ),
)
