"""Guarantees of an import and of what is said about how customers pay."""

from tests.sabotage.guarantee import Guarantee

APP = "apps/all-in-one/src/all_in_one/"
TESTS = "apps/all-in-one/tests/"
PAID = "services/analytics-svc/tests/test_payment_behaviour.py::"

GUARANTEES: tuple[Guarantee, ...] = (
    Guarantee(
        "documents of a customer are in one lane",
        APP + "spool.py",
        """        lane = crc32(str(draft.data.get("customer")).encode()) % LANES\n""",
        """        lane = crc32(draft.id.encode()) % LANES\n""",
        (TESTS + "test_spool.py::test_all_documents_of_a_customer_are_in_one_lane_and_every_document_in_one_of_them",),
    ),
    Guarantee(
        "documents of an import go by date",
        APP + "spool.py",
        "order by sooner, day, place, rowid\n",
        "order by rowid\n",
        (TESTS + "test_spool.py::test_documents_go_by_date_then_by_their_place_in_the_mapping_then_as_they_were_read",),
    ),
    Guarantee(
        "what was turned away is sent again",
        APP + "importing.py",
        "    if answer.status_code in BUSY:\n",
        "    if answer.status_code == 0:\n",
        (TESTS + "test_importing.py::test_a_batch_that_was_turned_away_is_sent_again",),
    ),
    Guarantee(
        "a row becomes all of its documents or none",
        APP + "drafting.py",
        "            drafts = [d.draft(file, row) for d in mine]\n",
        """            drafts = []
            for d in mine:
                try:
                    drafts.append(d.draft(file, row))
                except Unfit:
                    continue
""",
        (TESTS + "test_drafting.py::test_a_row_becomes_all_of_its_documents_or_none",),
    ),
    Guarantee(
        "a broken quote swallows no other row",
        APP + "reading.py",
        "        self._back.extendleft(reversed(self.taken[1:]))\n",
        "",
        (TESTS + "test_reading.py::test_a_row_with_a_broken_quote_is_told_by_its_line_and_swallows_no_other",),
    ),
    Guarantee(
        "a date that could be two is asked about",
        APP + "notation.py",
        "    if found := _TWO_WAYS.fullmatch(plain):\n",
        """    if found := _TWO_WAYS.fullmatch(plain):\n        return date.fromisoformat(plain[-4:] + "-01-05")\n""",
        (TESTS + "test_notation.py::test_a_date_that_could_be_two_is_asked_about",),
    ),
    Guarantee(
        "a number that could be two is asked about",
        APP + "notation.py",
        "        if notation.decimal is None and _EITHER.fullmatch(plain):\n",
        "        if notation.decimal == 0 and _EITHER.fullmatch(plain):\n",
        (TESTS + "test_notation.py::test_a_number_that_could_be_two_or_is_none_says_what_to_do",),
    ),
    Guarantee(
        "what a guess leaves open is not written",
        APP + "commands/guessing.py",
        "        if not ask:\n",
        "        if not ask and not found.text:\n            return found\n        if not ask:\n",
        (TESTS + "test_guess.py::test_with_yes_nothing_that_is_open_is_guessed",),
    ),
    Guarantee(
        "what a credit note closed was not paid",
        "services/analytics-svc/src/analytics_svc/projections/receivables.py",
        """_T.item.like("payment:%"))""",
        """_T.item.like("%:%"))""",
        (PAID + "test_what_was_paid_depends_on_both_times",),
    ),
    Guarantee(
        "invoices once disputed are told apart from the others",
        "services/analytics-svc/src/analytics_svc/projections/payment_behaviour.py",
        'of_dispute if disputed == "only" else ~of_dispute',
        "of_dispute",
        (PAID + "test_invoices_once_disputed_and_the_others_are_told_apart",),
    ),
    Guarantee(
        "a view has the indexes it was given later",
        "libs/engine/src/engine/views.py",
        "            elif live.stands and live.version == view.version:\n",
        "            elif live.build < 0:\n",
        ("libs/engine/tests/test_view_indexes.py::test_a_ledger_without_an_index_is_given_it_in_place_and_once",),
    ),
)
