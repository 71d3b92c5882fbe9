"""Guarantees of deciding and storing: versions, the lane, verdicts, states from memory, times, personal data."""

from tests.sabotage.guarantee import Guarantee

ENGINE = "libs/engine/src/engine/"
APPEND = ENGINE + "migrations/versions/0001_store.py"
STORE = "libs/engine/tests/test_store.py::"
SUITE = STORE + "TestPostgresStore::"
HANDLE = "libs/engine/tests/test_handle.py::"
ROLES = "libs/engine/tests/test_roles.py::"
SERDE = "libs/engine/tests/test_serde.py::"
CHECKED = "(x->>2)::bigint <> versions[o]"
WRITTEN = "exists (select from jsonb_array_elements(entries::jsonb) e where (e->>1)::int = o)"
EXPLAINED = "services/credit-svc/tests/test_reconciliation.py::"
CANDIDATES = "libs/engine/tests/test_candidates.py::"

GUARANTEES: tuple[Guarantee, ...] = (
    Guarantee(
        "the versions of written streams are checked",
        APPEND,
        CHECKED,
        f"{CHECKED} and not {WRITTEN}",
        (SUITE + "test_another_version_than_expected_is_a_conflict[99]",),
    ),
    Guarantee(
        "the differences of a reconciliation are explained by lines that sum to it",
        "services/credit-svc/src/credit_svc/domain/explaining.py",
        "    pool[doc] = there - used\n",
        "    pool[doc] = there\n",
        (EXPLAINED + "test_explanations_always_sum_to_the_difference_and_leave_nothing_open_where_items_are_told",),
    ),
    Guarantee(
        "explanations that are summed up lose nothing",
        "services/credit-svc/src/credit_svc/domain/explaining.py",
        "    return [*((line, 0) for line in kept), *summed]\n",
        "    return [(line, 0) for line in kept]\n",
        (EXPLAINED + "test_many_lines_are_summed_up_by_kind_and_nothing_is_lost",),
    ),
    Guarantee(
        "the versions of streams that are only named are checked",
        APPEND,
        CHECKED,
        f"{CHECKED} and {WRITTEN}",
        (SUITE + "test_a_stream_that_is_only_checked_must_hold_too",),
    ),
    Guarantee(
        "an append over several streams is all or nothing",
        APPEND,
        "    where (e->>0)::int <> all(refused);",
        "    where (e->>0)::int <> all(repeated) and not exists (select from jsonb_array_elements(head)"
        " with ordinality h(x, n) where h.n = (e->>1)::int and (h.x->>2)::bigint <> versions[h.n]);",
        (SUITE + "test_an_append_over_several_streams_is_all_or_nothing",),
    ),
    Guarantee(
        "one lane: commit order is position order",
        APPEND,
        "    perform pg_advisory_xact_lock(5348002);\n",
        "",
        (STORE + "test_a_reader_never_passes_an_append_that_is_still_open",),
    ),
    Guarantee(
        "events are never changed",
        APPEND,
        "before update or delete or truncate on events",
        "before truncate on events",
        (STORE + "test_events_are_neither_changed_nor_removed_nor_slipped_in",),
    ),
    Guarantee(
        "sessions take on their role",
        ENGINE + "database.py",
        "**await taken_on(url, role, strict=strict)",
        "**dict[str, str]()",
        (ROLES + "test_the_writer_changes_neither_the_log_nor_a_verdict[delete from verdicts]",),
    ),
    Guarantee(
        "the writer's role adds by the function only",
        ENGINE + "roles.py",
        "when relname in ('events', 'store', 'verdicts', 'alembic_version') then 'select'",
        "when relname = 'alembic_version' then 'select'",
        (ROLES + "test_the_writer_changes_neither_the_log_nor_a_verdict[delete from events where pos = -1]",),
    ),
    Guarantee(
        "the reader's role reads the log only",
        ENGINE + "roles.py",
        "where relname in ('events', 'store') and not",
        "where relkind = 'r' and not",
        (ROLES + "test_a_reader_of_topics_sees_the_log_and_nothing_else[personal_keys]",),
    ),
    Guarantee(
        "one bad append does not fail its neighbours",
        ENGINE + "appender.py",
        "        middle = len(batch) // 2\n",
        "        for request in batch:\n            request.fail(StoreFailed('one is bad'))\n"
        "        return None\n        middle = 1\n",
        (SUITE + "test_one_bad_event_does_not_fail_its_neighbours",),
    ),
    Guarantee(
        "recorded times are the database's",
        ENGINE + "store.py",
        "effective, meta.asserted_recorded",
        """effective, meta.asserted_recorded or __import__("engine.clock").clock.now()""",
        (STORE + "test_recorded_times_are_the_databases_whatever_the_clock_here_says",),
    ),
    Guarantee(
        "recorded times never go backwards",
        APPEND,
        "recorded := greatest(clock_timestamp(), recorded);",
        "recorded := clock_timestamp();",
        (STORE + "test_recorded_times_never_go_backwards",),
    ),
    Guarantee(
        "a command is stored once",
        APPEND,
        "(select true from verdicts where command = (v->>1)::uuid limit 1)",
        "(select true where false)",
        (SUITE + "test_a_repeated_command_stores_nothing_and_gets_the_verdict",),
    ),
    Guarantee(
        "the verdict on a command answers no other",
        ENGINE + "runs.py",
        "if stored.digest == digest:",
        "if stored.digest:",
        (HANDLE + "test_the_same_command_id_with_another_command_is_refused",),
    ),
    Guarantee(
        "a refusal is checked against the store",
        ENGINE + "runs.py",
        "for stream in self.refs}",
        "for stream in self.refs if self._events}",
        (HANDLE + "test_a_refusal_is_never_given_from_an_old_state",),
    ),
    Guarantee(
        "a command holds only for the version it names",
        ENGINE + "runs.py",
        "if asked.expected is not None and ",
        "if asked.expected is None and ",
        (HANDLE + "test_if_match_holds_or_conflicts",),
    ),
    Guarantee(
        "a snapshot of another fold is ignored",
        ENGINE + "snapshots.py",
        """if row["fold"] == codec(kept[row["stream"]].aggregate).fold""",
        """if row["fold"]""",
        (HANDLE + "test_a_snapshot_of_another_fold_is_ignored",),
    ),
    Guarantee(
        "money is no float",
        "libs/events/src/events/base.py",
        "amount: Annotated[Decimal, Field(max_digits=MOST_DIGITS, allow_inf_nan=False)]",
        "amount: float",
        ("tests/architecture/test_laws.py::test_the_tree_keeps[money is no float]",),
    ),
    Guarantee(
        "personal fields are sealed",
        ENGINE + "serde.py",
        "        if not holds_personal(type(event)):\n",
        "        if event:\n",
        (SERDE + "test_no_plaintext_reaches_the_database",),
    ),
    Guarantee(
        "erasing a person destroys the key",
        ENGINE + "keys.py",
        '_ERASE = """delete from personal_keys where person = $1 and',
        '_ERASE = """delete from personal_keys where person = $1 and false and',
        (SERDE + "test_an_erased_person_is_read_as_none_and_others_are_not_touched",),
    ),
    Guarantee(
        "a key that was on its way while it was destroyed is not used",
        ENGINE + "keys.py",
        "                continue  # destroyed after the row was read\n",
        "                pass\n",
        (SERDE + "test_a_key_that_was_on_its_way_while_its_person_was_erased_is_not_used",),
    ),
    Guarantee(
        "an erasure that is read again leaves newer keys",
        ENGINE + "keys.py",
        "($2::timestamptz is null or created_at <= $2)",
        "($2::timestamptz is null or true)",
        ("libs/engine/tests/test_eraser.py::test_an_erasure_read_again_in_another_life_of_the_log_leaves_newer_keys",),
    ),
    Guarantee(
        "one who spoils an append fails nobody he was sent with",
        ENGINE + "handle.py",
        "with contextlib.suppress(Exception):",
        "with contextlib.nullcontext():",
        (HANDLE + "test_one_who_spoils_an_append_fails_nobody_he_was_sent_with",),
    ),
    Guarantee(
        "commands of one append have a verdict each",
        ENGINE + "runs.py",
        "        self._verdicts.append(verdict)\n",
        "        self._verdicts[:] = [verdict]\n",
        (HANDLE + "test_commands_that_share_no_stream_become_one_append_with_a_verdict_each",),
    ),
    Guarantee(
        "what the commands before it in the append left is carried to the next",
        ENGINE + "runs.py",
        "if heeded else facts",
        "if not heeded else facts",
        (CANDIDATES + "test_what_an_earlier_command_of_an_append_left_is_found_by_a_later_one",),
    ),
)
