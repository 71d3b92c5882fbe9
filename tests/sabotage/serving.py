"""Guarantees of the services: requests, the intake, streams, credit, figures."""

from tests.sabotage.guarantee import Guarantee

CHASSIS = "libs/chassis/src/chassis/"
ENGINE = "libs/engine/src/engine/"
REQUESTS = "libs/chassis/tests/test_requests.py::"
TOPICS = "libs/chassis/tests/test_erp_topics.py::"
INTAKE = "libs/chassis/tests/test_intake.py::"
CREDIT = "services/credit-svc/src/credit_svc/"
ANALYTICS = "services/analytics-svc/src/analytics_svc/"
FIGURES = "services/analytics-svc/tests/test_figures_http.py::"
MEASURES = "services/analytics-svc/tests/test_measures.py::"
BACKUP = "apps/all-in-one/tests/test_backup.py::"
KEY_FIGURES = "services/analytics-svc/tests/test_key_figures.py::"
AGEING = "services/analytics-svc/tests/test_ageing.py::"
RFM = "services/analytics-svc/tests/test_rfm.py::"
METRICS = "libs/chassis/tests/test_metrics.py::"
TRACING = "libs/chassis/tests/test_tracing.py::"
SCHEMAS = "tests/architecture/test_schemas.py::"
WAITING = "services/credit-svc/tests/test_waiting_money.py::"

GUARANTEES: tuple[Guarantee, ...] = (
    Guarantee(
        "an event names the span of the command that led to it",
        ENGINE + "handle.py",
        "a.meta._replace(traceparent=span.traceparent)",
        "a.meta",
        (TRACING + "test_what_is_stored_names_the_span_of_its_command_and_the_log_its_trace",),
    ),
    Guarantee(
        "a view tells of its work in the trace that led to it",
        ENGINE + "keeper.py",
        "parents, about = [event.traceparent for event in done.events],",
        "parents, about = [None for event in done.events],",
        (TRACING + "test_one_trace_leads_from_the_request_over_its_events_to_views_and_to_what_is_decided_next",),
        waits=True,
    ),
    Guarantee(
        "whoever guesses at figures waits",
        CHASSIS + "metrics.py",
        "                self.pace.failed(address)\n",
        "                pass\n",
        (METRICS + "test_whoever_guesses_at_figures_waits_and_the_scraper_does_not",),
    ),
    Guarantee(
        "figures are for operations",
        CHASSIS + "metrics.py",
        """        if not principal.has("operations"):\n""",
        "        if not principal.roles:\n",
        (METRICS + "test_figures_are_for_operations_and_for_the_token_of_the_scraper",),
    ),
    Guarantee(
        "whoever asks makes up no series of Prometheus",
        CHASSIS + "measured.py",
        """f"{scope.get('root_path', '')}{route.path}" if route is not None else UNKNOWN""",
        """str(scope["path"])""",
        (METRICS + "test_paths_and_methods_that_are_made_up_make_no_series",),
    ),
    Guarantee(
        "a view of another life of a store is called stale",
        ENGINE + "standing.py",
        "        found[groups[group]] |= topic in lives and lives[topic] != life\n",
        "        found[groups[group]] |= False\n",
        (METRICS + "test_a_view_of_another_fold_or_of_another_life_of_a_store_is_stale",),
    ),
    Guarantee(
        "a restored company lives another life",
        "apps/all-in-one/src/all_in_one/backup.py",
        "        await renew(url)\n",
        "",
        (BACKUP + "test_a_backup_of_an_older_kehu_is_brought_up_to_date_beside_the_company_that_was_there",),
    ),
    Guarantee(
        "a restore changes nothing before it is whole",
        "apps/all-in-one/src/all_in_one/backup.py",
        "        if await copies.ends(url) != (service.position, service.persons):\n",
        "        if await copies.ends(url) == (0, 0):\n",
        (BACKUP + "test_a_restore_that_fails_leaves_everything_as_it_was",),
    ),
    Guarantee(
        "a damaged backup is refused",
        "apps/all-in-one/src/all_in_one/archive.py",
        "            if (size, digest.hexdigest()) != (member.bytes, member.sha256):\n",
        "            if size != member.bytes:\n",
        ("apps/all-in-one/tests/test_archive.py::test_what_was_changed_so_that_the_zip_still_fits_is_refused",),
    ),
    Guarantee(
        "a change needs an Idempotency-Key",
        CHASSIS + "idempotency.py",
        "        raise Problem(MissingIdempotencyKey())\n",
        """        return "none"\n""",
        (REQUESTS + "test_a_change_without_a_key_is_refused_as_missing_idempotency_key",),
    ),
    Guarantee(
        "a key is that of a person",
        CHASSIS + "idempotency.py",
        "return ids.named(self.principal, self.key, *([n] if n else []))",
        "return ids.named(self.key, *([n] if n else []))",
        (REQUESTS + "test_the_same_key_of_another_person_is_another_key",),
    ),
    Guarantee(
        "If-Match is heeded",
        CHASSIS + "etag.py",
        "    return int(number)\n",
        "    return None\n",
        (REQUESTS + "test_if_match_holds_the_version_a_change_was_decided_upon",),
    ),
    Guarantee(
        "a read waits for the position it was given",
        CHASSIS + "context.py",
        "    if asked:\n        await runtime.reached(",
        "    if not asked:\n        await runtime.reached(",
        (REQUESTS + "test_a_read_of_a_position_that_does_not_come_is_view_behind",),
    ),
    Guarantee(
        "no older day is kept than one that was seen",
        CHASSIS + "runtime.py",
        "        if look == self._looks:",
        "        if True:",
        (REQUESTS + "test_a_day_that_was_looked_up_before_a_position_was_waited_for_is_not_kept_after_it",),
    ),
    Guarantee(
        "a day is kept no longer than until there is news of another",
        CHASSIS + "runtime.py",
        " and self._day[1] == news:",
        ":",
        (REQUESTS + "test_a_day_is_not_kept_beyond_news_of_another",),
    ),
    Guarantee(
        "the answer that is kept is the one that was given",
        CHASSIS + "rebuilds.py",
        "return shown.model_copy() if shown else None",
        "return shown",
        ("libs/chassis/tests/test_ops.py::test_what_a_repeated_change_is_answered_is_what_it_was_answered_at_first",),
    ),
    Guarantee(
        "a stream goes on behind what was seen",
        CHASSIS + "sse.py",
        "else min(self.after, head)  #",
        "else max(min(self.after, head) - 1, 0)  #",
        ("libs/chassis/tests/test_streams.py::test_a_client_that_comes_back_misses_nothing_and_sees_nothing_twice",),
    ),
    Guarantee(
        "a document is decided once",
        CHASSIS + "intake.py",
        """(before.verdict == "rejected" and not again)""",
        """before.verdict != "waiting\"""",
        (INTAKE + "test_a_document_is_accepted_once_and_is_a_duplicate_then",),
    ),
    Guarantee(
        "a document of the same id and another body is refused",
        CHASSIS + "intake.py",
        "and before.digest == message.digest",
        "and bool(before.digest)",
        (INTAKE + "test_the_same_id_with_another_body_is_refused_while_the_first_stands",),
    ),
    Guarantee(
        "one document that breaks hurts nobody it was sent with",
        CHASSIS + "intake.py",
        "elif passes(made) or len(refused) + 1 >= TOO_MANY:",
        "elif made:",
        (INTAKE + "test_one_document_that_breaks_is_refused_and_hurts_nobody_else",),
    ),
    Guarantee(
        "where many documents break none of them is refused",
        CHASSIS + "intake.py",
        " or len(refused) + 1 >= TOO_MANY:",
        ":",
        (INTAKE + "test_many_that_break_are_no_fault_of_the_documents",),
    ),
    Guarantee(
        "a full disk is told, whatever had no room",
        CHASSIS + "gate.py",
        """isinstance(error, StoreFull) or getattr(error, "sqlstate", None)""",
        """isinstance(error, StoreFull) or getattr(error, "no", None)""",
        (INTAKE + "test_a_full_disk_is_told_and_the_same_sent_again_is_stored_once[inbox]",),
    ),
    Guarantee(
        "a record that comes again is no duplicate of itself",
        CHASSIS + "intake.py",
        "and message.came == before.came",
        "and message.came is None",
        (TOPICS + "test_nothing_is_decided_twice_when_we_die_before_the_offset_is_committed[table]",),
    ),
    Guarantee(
        "no history comes in by topic once the company lives",
        CHASSIS + "erp.py",
        """if origin == "initial_load" and await self.runtime.went_live():""",
        """if origin == "initial_load" and not messages:""",
        (TOPICS + "test_an_initial_load_comes_by_topic_with_its_days_and_is_refused_once_the_company_lives[table]",),
    ),
    Guarantee(
        "a document by topic is answered, whoever decides it and when",
        CHASSIS + "erp.py",
        "        await self.runtime.topics.publish(RECEIPTS, answers)\n",
        "        answers.clear()\n",
        (TOPICS + "test_a_document_comes_in_binary_or_structured_and_is_answered[table]",),
        waits=True,
    ),
    Guarantee(
        "who lost a part of a stored topic cannot commit it",
        "libs/engine/src/engine/tabletopics.py",
        "and c.part = n.part and c.epoch = n.epoch",
        "and c.part = n.part",
        ("libs/engine/tests/test_tabletopics.py::TestTableTopics::test_who_lost_a_part_cannot_commit_it",),
    ),
    Guarantee(
        "a document that waits is kept",
        "libs/engine/src/engine/inbox.py",
        "            if waiting:\n",
        "            if not waiting:\n",
        (INTAKE + "test_a_document_that_waits_is_decided_when_its_customer_arrives",),
        waits=True,
    ),
    Guarantee(
        "only an initial load asserts recorded times",
        CHASSIS + "intake.py",
        """recorded = message.recorded if sender.origin == "initial_load" else None""",
        "recorded = message.recorded",
        (INTAKE + "test_a_document_of_today_asserts_no_recorded_time",),
    ),
    Guarantee(
        "a limit may be used to the last cent",
        CREDIT + "domain/check.py",
        "others + amount <= limit.limit:",
        "others + amount < limit.limit:",
        ("services/credit-svc/tests/test_orders.py::test_an_order_within_the_limit_is_granted_and_reserved",),
    ),
    Guarantee(
        "no more is allocated than is open",
        CREDIT + "domain/payment.py",
        "if amount > state.open or ",
        "if ",
        ("services/credit-svc/tests/test_invoices.py::test_more_than_is_open_is_never_allocated",),
    ),
    Guarantee(
        "money settles no more than is open",
        CREDIT + "domain/allocation.py",
        "amount = min(left[n], still)",
        "amount = left[n]",
        ("services/credit-svc/tests/test_invoices.py::test_an_unnamed_payment_settles_what_was_due_first",),
    ),
    Guarantee(
        "as_of leaves out what was effective later",
        ANALYTICS + "projections/facts.py",
        "table.c.effective <= scope.point.as_of, ",
        "",
        (MEASURES + "test_the_balance_depends_on_both_times",),
    ),
    Guarantee(
        "known_at leaves out what was recorded later",
        ANALYTICS + "projections/facts.py",
        ", table.c.recorded <= scope.point.known_at]",
        "]",
        (MEASURES + "test_the_balance_depends_on_both_times",),
    ),
    Guarantee(
        "an explanation adds up to its figure",
        ANALYTICS + "projections/receivables.py",
        "return shares(TABLE, [*where, kept], kind=_T.kind",
        """return shares(TABLE, [*where, kept, _T.kind != "allocation"], kind=_T.kind""",
        (FIGURES + "test_every_figure_is_explained_by_events_that_add_up_to_it",),
    ),
    Guarantee(
        "a customer is in the group it was in on that day, as then known",
        ANALYTICS + "projections/profiles.py",
        "where=[*within(TABLE, Scope(scope.point)), _T.attribute == attribute])",
        "where=[_T.attribute == attribute])",
        (KEY_FIGURES + "test_customers_are_in_the_group_they_were_in_on_that_day_as_then_known",),
    ),
    Guarantee(
        "facts of customers nobody registered are in a group, too",
        ANALYTICS + "projections/facts.py",
        "joined = rows.outerjoin(self.held, ",
        "joined = rows.join(self.held, ",
        (KEY_FIGURES + "test_groups_add_up_to_the_total",),
    ),
    Guarantee(
        "a dispute takes no more than is open of its invoice",
        ANALYTICS + "projections/ageing.py",
        "overlap = sa.func.least(d.until, i.until) - sa.func.greatest(d.start, i.start)",
        "overlap = d.disputed",
        (AGEING + "test_every_customers_buckets_depend_on_both_times",),
    ),
    Guarantee(
        "equal values have equal scores",
        ANALYTICS + "projections/rfm.py",
        "lower = sa.func.rank().over(order_by=value) - 1",
        "lower = sa.func.row_number().over(order_by=value) - 1",
        (RFM + "test_rfm_depends_on_both_times",),
    ),
    Guarantee(
        "an older invoice due the same day goes first",
        CREDIT + "domain/allocation.py",
        "(min(owed, amount) if in_order else owed)",
        "min(owed, amount)",
        (WAITING + "test_an_invoice_of_the_same_append_does_not_go_before_an_older_one_due_the_same_day",),
    ),
    Guarantee(
        "the mirror reads anew what waited for a person",
        "services/analytics-svc/src/analytics_svc/projections/mirror.py",
        "if self.parked else []",
        "if False else []",
        ("services/analytics-svc/tests/test_mirror.py::test_what_waited_for_a_person_is_in_it_once_it_was_replayed",),
    ),
    Guarantee(
        "a document that was always taken is taken",
        "libs/events/src/events/erp.py",
        "names: Annotated[tuple[Id, ...], Field(max_length=100)]",
        "names: Annotated[tuple[Id, ...], Field(max_length=10)]",
        (SCHEMAS + "test_every_schema_fits_what_was_published",),
    ),
    Guarantee(
        "a published event never gets another field",
        "libs/events/src/events/company.py",
        """    type: ClassVar[str] = "company.WentLive"
""",
        """    type: ClassVar[str] = "company.WentLive"
    note: str = ""
""",
        (SCHEMAS + "test_every_schema_fits_what_was_published",),
    ),
    Guarantee(
        "what is personal is described as sealed",
        "libs/chassis/src/chassis/wire.py",
        "if name in personal and sealed:",
        "if False:",
        (SCHEMAS + "test_readable_words_of_a_person_are_not_valid_in_an_event_and_are_in_a_document",),
    ),
    Guarantee(
        "an event leads to its schema",
        "libs/engine/src/engine/cloudevents.py",
        '"dataschema": f"{SCHEMAS}/{named}"',
        '"dataschema": f"/events/{named}"',
        ("libs/chassis/tests/test_schemas.py::test_the_link_of_an_event_answers_with_a_schema_its_data_is_valid_for",),
    ),
)
