"""Guarantees of delivery: positions, parking, rebuilds, reactions, timers, the evaluator."""

from tests.sabotage.guarantee import Guarantee

ENGINE = "libs/engine/src/engine/"
CONSUMER = "libs/engine/tests/test_consumer.py::"
LETTERS = "libs/engine/tests/test_deadletters.py::"
REACTOR = "libs/engine/tests/test_reactor.py::"
REBUILD = "libs/engine/tests/test_rebuild.py::"
TIMERS = "libs/engine/tests/test_timers.py::"
EVALUATOR = "libs/engine/tests/test_evaluator.py::"
FAULTY = CONSUMER + "test_repeated_deliveries_at_new_offsets_and_lost_ones_change_nothing[1]"
COPIES = "libs/engine/tests/test_copies.py::"
STRETCHES = "libs/engine/tests/test_stretches.py::"
BUS = "libs/engine/tests/test_tablebus.py::"
KAFKA = ENGINE + "kafka/"
RELAY = "libs/engine/tests/test_kafka_relay.py::"
LINE = "libs/engine/tests/test_kafka_line.py::"
CHECKER = "tests/faults/test_checker.py::"

GUARANTEES: tuple[Guarantee, ...] = (
    Guarantee(
        "copies of several logs are of one moment",
        ENGINE + "copies.py",
        """        await lane.execute(f"select pg_advisory_xact_lock({LANE})")\n""",
        """        await lane.execute("select true")\n""",
        (COPIES + "test_nothing_is_appended_anywhere_between_the_first_and_the_last_snapshot",),
        waits=True,
    ),
    Guarantee(
        "a restored log is read anew at the start",
        ENGINE + "consumer.py",
        "            if any(s.incarnation != life for",
        "            if any(s.incarnation == topic for",
        (CONSUMER + "test_a_log_that_was_restored_is_read_anew_at_the_start_before_anything_new_happens",),
        waits=True,
    ),
    Guarantee(
        "what was seen is dropped",
        ENGINE + "consumer.py",
        "if position <= last:",
        "if position < 0:",
        (CONSUMER + "test_a_delivery_is_judged_by_its_position_alone", FAULTY),
    ),
    Guarantee(
        "a gap is noticed",
        ENGINE + "consumer.py",
        """return "new" if previous == last else "gap\"""",
        """return "new\"""",
        (FAULTY,),
    ),
    Guarantee(
        "a position moves only from where it was",
        ENGINE + "consumer.py",
        "and c.last_pos = n.last and c.epoch = n.epoch",
        "and c.epoch = n.epoch",
        (CONSUMER + "test_a_position_moves_only_from_where_it_was_and_in_its_epoch",),
    ),
    Guarantee(
        "an epoch fences who lost its parts",
        ENGINE + "consumer.py",
        "and c.last_pos = n.last and c.epoch = n.epoch",
        "and c.last_pos = n.last",
        (CONSUMER + "test_a_position_moves_only_from_where_it_was_and_in_its_epoch",),
    ),
    Guarantee(
        "another incarnation of a store is noticed",
        ENGINE + "consumer.py",
        "if incarnation != life:",
        "if incarnation is None:",
        (CONSUMER + "test_another_incarnation_of_a_store_rebuilds_the_view",),
    ),
    Guarantee(
        "a part is read on from its position, not from an offset",
        ENGINE + "tablebus.py",
        "return Cursor(place.last_position, place.last_position)",
        "return Cursor(max(place.last_position, place.next_offset - 1), place.last_position)",
        (BUS + "test_a_part_that_changes_hands_is_read_from_its_position_whatever_offset_was_kept",),
        waits=True,
    ),
    Guarantee(
        "a reader goes on past what it does not read",
        ENGINE + "tablebus.py",
        "    if len(taken) < len(raws):\n",
        "    if len(taken) > len(raws):\n",
        (BUS + "test_of_what_nobody_here_reads_the_last_one_of_a_part_comes",),
        waits=True,
    ),
    Guarantee(
        "nothing of an earlier life of a log is mixed with a later one",
        ENGINE + "stretches.py",
        "            if life == stretch.life:\n",
        "            if life:\n",
        (STRETCHES + "test_nothing_of_an_earlier_life_is_shown_with_what_a_later_one_added",),
    ),
    Guarantee(
        "what follows of a parked customer is parked",
        ENGINE + "parking.py",
        "if held and letter.customer in held:",
        "if held and letter.customer is None:",
        (LETTERS + "test_the_customer_of_a_poisonous_event_is_parked_over_all_topics_and_nobody_else",),
    ),
    Guarantee(
        "an unknown version stops the consumer",
        ENGINE + "decoding.py",
        "            except UnknownVersion:\n                raise\n",
        "            except UnknownVersion:\n                letters.append(Letter(delivery))\n",
        (LETTERS + "test_an_unknown_version_of_a_declared_type_stops_the_consumer_after_what_came_before",),
    ),
    Guarantee(
        "what passes by itself parks nobody",
        ENGINE + "reactor.py",
        "from engine.faults import Lost, is_transient\n",
        "from engine.faults import Lost\n\n\ndef is_transient(error: object) -> bool:\n    return False\n\n\n",
        (REACTOR + "test_a_database_that_is_away_for_a_moment_parks_nobody",),
    ),
    Guarantee(
        "a reaction's commands have the same ids again",
        ENGINE + "reactor.py",
        """ids.named("reaction", self._reaction.name, event.id, n)""",
        "ids.new()",
        (REACTOR + "test_positions_lost_after_the_decision_decide_nothing_twice",),
    ),
    Guarantee(
        "a rebuilt view takes over at the live position",
        ENGINE + "rebuild.py",
        "        await shadow.fill(session, await self._goals())\n",
        "",
        (REBUILD + "test_what_was_folded_between_the_last_look_and_the_locks_is_in_the_rebuilt_table",),
    ),
    Guarantee(
        "a view changes places while its projector waits",
        ENGINE + "rebuild.py",
        """        await hold(session, self._group, exclusive=True)
        await session.execute("set local synchronous_commit = on")
        await session.execute("select from consumers where grp = $1 order by topic, part for update", self._group)
""",
        "",
        (REBUILD + "test_what_comes_while_the_tables_change_places_waits_for_the_new_one",),
    ),
    Guarantee(
        "a rebuild raises the epoch",
        ENGINE + "rebuild.py",
        "last_pos = n.pos, epoch = epoch + 1,",
        "last_pos = n.pos,",
        (REBUILD + "test_a_rebuilt_table_is_the_same_as_the_one_before[Totals]",),
    ),
    Guarantee(
        "a timer names its command the same for ever",
        ENGINE + "timers.py",
        """return ids.named("timer", key)""",
        "return ids.new()",
        (TIMERS + "test_the_command_of_a_timer_has_the_same_id_for_ever",),
    ),
    Guarantee(
        "what is due on a day is decided on that day",
        ENGINE + "timers.py",
        """, opened=self._open[row["company"]].day)""",
        ")",
        (TIMERS + "test_what_is_due_is_not_lost_where_those_who_decide_have_yet_to_hear_of_the_day",),
    ),
    Guarantee(
        "what is not to be done is noted down before anything is fired",
        ENGINE + "timers.py",
        "await self._spare(seen)\n                self._open = seen",
        "self._open = seen\n                await self._spare(seen)",
        (TIMERS + "test_what_an_initial_load_planned_for_before_going_live_is_not_done",),
    ),
    Guarantee(
        "a server that has yet to hear of its parent's death is waited for",
        ENGINE + "embedded.py",
        """if waited > (ENDING if lines[-1].strip() == "stopping" else HEARING):""",
        """if waited > ENDING or lines[-1].strip() != "stopping":""",
        ("libs/engine/tests/test_embedded.py::test_a_server_that_has_yet_to_hear_of_its_parents_death_is_waited_for",),
    ),
    Guarantee(
        "a day waits for all that was stored before it",
        ENGINE + "timers.py",
        "if seen != self._open and await self._written(stop):",
        "if seen != self._open:",
        (TIMERS + "test_nothing_of_a_day_is_done_before_all_of_it_is_written_down",),
    ),
    Guarantee(
        "the company is judged when something happened to it alone",
        ENGINE + "evaluator.py",
        "if mark or self._burst or",
        "if self._burst or",
        (EVALUATOR + "test_the_company_is_judged_when_something_happened_to_it_alone",),
    ),
    Guarantee(
        "one touched while being judged is judged again",
        ENGINE + "evaluator.py",
        "done = greatest(t.done, n.mark)",
        "done = t.mark",
        (EVALUATOR + "test_one_touched_while_being_judged_is_judged_again",),
    ),
    Guarantee(
        "a rebuild tries what is parked after all that is not",
        ENGINE + "shadow.py",
        "if _at(letter) in goals.letters or (behind and letter.customer in parked):",
        "if behind and letter.customer in parked:",
        (REBUILD + "test_a_rebuild_takes_nothing_of_a_parked_customer_away_that_came_before_from_another_topic",),
    ),
    Guarantee(
        "parts given back while others are dealt out are noticed",
        ENGINE + "membership.py",
        "self._known = (live, epochs + await self._deal(live))",
        "await self._deal(live)\n        self._known = (live, await self._home.fetchval("
        "'select sum(epoch) from consumers where grp = $1', self._group))",
        (BUS + "test_parts_given_back_just_after_a_member_looked_for_them_are_taken_at_the_next_look",),
    ),
    Guarantee(
        "a relay sends nothing past a batch of a part that failed",
        KAFKA + "sending.py",
        """            await (await producer.send_batch(batch, topic, partition=part))
            batch = producer.create_batch()
""",
        """            await producer.send_batch(batch, topic, partition=part)
            batch = producer.create_batch()
""",
        (RELAY + "test_nothing_is_sent_past_a_batch_of_its_part_that_failed",),
    ),
    Guarantee(
        "a producer that hung is not used again",
        KAFKA + "sending.py",
        "            await self.drop()\n            if isinstance",
        "            if isinstance",
        (RELAY + "test_a_producer_that_hangs_is_let_go_and_the_send_failed",),
    ),
    Guarantee(
        "a client that does not stop is not waited for",
        KAFKA + "clients.py",
        "for _ in range(TRIES):",
        "for _ in range(1):",
        (RELAY + "test_who_is_cancelled_while_a_client_stops_leaves_no_task_of_it_behind",),
        waits=True,
    ),
    Guarantee(
        "the relay's cursor moves after the acknowledgement",
        KAFKA + "relay.py",
        "                await self._sender.send(entries)\n",
        "                await self._move(epoch, raws[-1].position, len(raws), life)\n"
        "                await self._sender.send(entries)\n",
        (RELAY + "test_the_cursor_stays_where_it_was_until_the_broker_has_acknowledged",),
    ),
    Guarantee(
        "an epoch fences a relay that lost the cursor",
        KAFKA + "relay.py",
        "where epoch = $1 and pos <= $2 and",
        "where $1 > 0 and pos <= $2 and",
        (RELAY + "test_who_lost_the_cursor_does_not_move_it",),
    ),
    Guarantee(
        "one relay waits while the other has the lease",
        KAFKA + "relay.py",
        "where owner is null or owner = $1 or expires_at < clock_timestamp()",
        "where owner is null or owner = $1 or expires_at < 'infinity'",
        (RELAY + "test_one_relay_works_while_the_other_waits",),
    ),
    Guarantee(
        "a relay of another life does not move the cursor of a restored log",
        KAFKA + "relay.py",
        " and (select incarnation from store) = $5 returning epoch",
        " and $5 is not null returning epoch",
        (RELAY + "test_a_relay_that_slept_through_a_restore_does_not_move_the_cursor_of_the_restored_log",),
    ),
    Guarantee(
        "what a restored log holds goes out as of its own life",
        KAFKA + "relay.py",
        "if raws and await self._store.incarnation() != life:",
        "if raws and life is None:",
        (RELAY + "test_what_a_restored_log_holds_does_not_go_out_as_of_the_life_before",),
        waits=True,
    ),
    Guarantee(
        "a window notices what Kafka did not bring",
        KAFKA + "line.py",
        "complete = previous <= self.last",
        "complete = previous >= 0",
        (LINE + "test_a_window_that_misses_something_begins_anew_above_it",),
    ),
    Guarantee(
        "a line seeks before it looks where the logs end",
        KAFKA + "line.py",
        """            ends = await consumer.end_offsets(partitions)
            if assignment != self._assignment:
                return
            for partition, end in ends.items():
                consumer.seek(partition, end)
            contexts = {self._topics[p.topic] for p in partitions}
            nows = {context: await self._owners.now(context) for context in contexts}
""",
        """            contexts = {self._topics[p.topic] for p in partitions}
            nows = {context: await self._owners.now(context) for context in contexts}
            ends = await consumer.end_offsets(partitions)
            if assignment != self._assignment:
                return
            for partition, end in ends.items():
                consumer.seek(partition, end)
""",
        (LINE + "test_a_line_begins_so_that_nothing_falls_between_where_kafka_ends_and_where_the_log_does",),
    ),
    Guarantee(
        "events of another life begin a new window",
        KAFKA + "line.py",
        "            self._live_on(context, now, head)\n        else:",
        "            pass\n        else:",
        (LINE + "test_events_of_another_life_begin_a_window_of_that_life",),
    ),
    Guarantee(
        "events of a life that is over are passed over",
        KAFKA + "line.py",
        "if said.life != window.life and not await self._lives(at[0], said.life):",
        "if said.life != window.life and await self._lives(at[0], said.life) is None:",
        (LINE + "test_events_of_a_life_that_is_over_are_passed_over",),
    ),
    Guarantee(
        "what came of another life is not handed out as of the one claimed",
        KAFKA + "bus.py",
        "same = window is not None and window.life == self._lives[topic]",
        "same = window is not None",
        (LINE + "test_what_came_of_another_life_is_not_handed_out_as_of_the_one_claimed",),
    ),
    Guarantee(
        "what does not come through Kafka is read from the log",
        KAFKA + "line.py",
        "            if await self._owners.lacks(context, {p: w.last for p, w in parts.items()}, before):",
        "            if await self._owners.lacks(context, {p: w.last for p, w in parts.items()}, before) is None:",
        (LINE + "test_what_does_not_come_through_kafka_is_read_from_the_log_at_the_second_look",),
    ),
    Guarantee(
        "a claim fences whoever had the part",
        ENGINE + "claims.py",
        "update consumers c set owner = $2, epoch = epoch + 1",
        "update consumers c set owner = $2, epoch = epoch",
        (LINE + "test_a_part_taken_over_by_another_member_is_moved_by_that_one_only",),
    ),
    Guarantee(
        "a topic with another number of parts is refused",
        KAFKA + "admin.py",
        "if there[t.name] not in (0, t.parts)]",
        "if there[t.name] < 0]",
        (RELAY + "test_a_topic_with_another_number_of_parts_is_refused_and_one_that_is_missing_is_not",),
    ),
    Guarantee(
        "no offset of documents is committed before they are decided",
        "libs/chassis/src/chassis/erp.py",
        """            await self.runtime.topics.publish(RECEIPTS, await self.take(records))
            await reading.commit(following(records))
""",
        """            await reading.commit(following(records))
            await self.runtime.topics.publish(RECEIPTS, await self.take(records))
""",
        ("libs/chassis/tests/test_erp_topics.py::test_no_offset_is_committed_before_its_documents_are_decided[table]",),
    ),
    Guarantee(
        "the checker finds what was committed twice",
        "tests/faults/checker.py",
        "if commit.start < at:",
        "if commit.start < 0:",
        (CHECKER + "test_what_was_committed_wrongly_is_found",),
    ),
    Guarantee(
        "the checker finds what was skipped inside a batch",
        "tests/faults/checker.py",
        'elif left := part.between(one, other):\n            yield f"skipped: {who} saw',
        'elif left := part.between(other, one):\n            yield f"skipped: {who} saw',
        (CHECKER + "test_a_stretch_left_out_inside_a_delivered_batch_is_found",),
    ),
)
