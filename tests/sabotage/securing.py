"""Guarantees of who comes in, and what is seen by whom."""

from tests.sabotage.guarantee import Guarantee

CHASSIS = "libs/chassis/src/chassis/"
FRONT = "libs/chassis/tests/test_front.py::"
READS = "services/customer-svc/tests/test_personal_reads.py::"
ACCESS = "tests/security/test_access.py::"
TOKENS = "libs/chassis/tests/test_signed_tokens.py::"

PROCESS = "libs/chassis/tests/test_process.py::"
SEALED_ANEW = "test_what_is_said_of_a_person_erased_by_another_process_is_sealed_with_a_key_that_is_there"

GUARANTEES: tuple[Guarantee, ...] = (
    Guarantee(
        "a key that another process destroyed seals nothing more",
        "libs/engine/src/engine/keys.py",
        "await self._confirm(persons)",
        "pass",
        ("libs/engine/tests/test_serde.py::" + SEALED_ANEW,),
    ),
    Guarantee(
        "a process does not begin with the key of another company",
        CHASSIS + "process.py",
        """await right_key(settings, {service.name: urls[service.name]}, "KEHU_KEYS__ENCRYPTION")""",
        "pass",
        (PROCESS + "test_the_key_of_another_company_is_refused",),
    ),
    Guarantee(
        "a process does not work on a database that is not migrated",
        CHASSIS + "process.py",
        "await migrated(url, patience, LOG.info, own=name == service.name)",
        "pass",
        (PROCESS + "test_what_was_never_migrated_is_told_with_what_to_run",),
    ),
    Guarantee(
        "whoever asks the gateway does not say where a request came from",
        "apps/console/src/console/passing.py",
        " and n not in OURS",
        "",
        ("tests/console/test_gateway.py::test_a_request_passes_with_its_body_and_says_where_it_came_from",),
    ),
    Guarantee(
        "a symmetric key in a public key set signs nothing",
        CHASSIS + "jwks.py",
        "return key if key.algorithm_name in algorithms else None",
        "return key",
        (TOKENS + "test_a_secret_in_the_key_set_signs_nothing",),
    ),
    Guarantee(
        "a token of another audience is not taken",
        CHASSIS + "signed.py",
        """options={"require": list(REQUIRED), """,
        """options={"require": list(REQUIRED), "verify_aud": False, """,
        (TOKENS + "test_what_is_wrong_with_a_token_is_said",),
    ),
    Guarantee(
        "invented key ids cost the provider nothing",
        CHASSIS + "jwks.py",
        "self._tried is not None and self.clock() - self._tried < pause",
        "pause < 0",
        (TOKENS + "test_a_new_key_is_fetched_when_a_token_names_it_but_invented_ones_fetch_nothing",),
    ),
    Guarantee(
        "the last keys are not kept for ever",
        CHASSIS + "jwks.py",
        "            if self._age() > self.keep:\n                raise",
        "            if self._fetched is None:\n                raise",
        (TOKENS + "test_while_the_provider_is_down_the_last_keys_are_kept_but_not_for_ever",),
    ),
    Guarantee(
        "a stream ends with its token",
        CHASSIS + "sse.py",
        " or self._expired():",
        ":",
        (TOKENS + "test_a_stream_ends_with_its_token",),
        waits=True,
    ),
    Guarantee(
        "a query finds a salesperson its own customers alone",
        CHASSIS + "context.py",
        "            see_own(connection, principal.own)\n",
        "            pass\n",
        (ACCESS + "test_what_another_looks_after_is_answered_as_if_it_were_unknown",),
    ),
    Guarantee(
        "a salesperson changes nothing of another's customers",
        CHASSIS + "context.py",
        "            await sight.permit(command, meta, actor, founding=founding)\n",
        "            pass\n",
        (ACCESS + "test_what_another_looks_after_is_answered_as_if_it_were_unknown",),
    ),
    Guarantee(
        "the log tells a salesperson of its own customers alone",
        CHASSIS + "rows.py",
        "return events if await self.sight.covers({e.customer for e in events}) else []",
        "return events",
        (ACCESS + "test_what_another_looks_after_is_answered_as_if_it_were_unknown",),
    ),
    Guarantee(
        "a stream tells a salesperson of its own customers alone",
        CHASSIS + "sse.py",
        "if envelope and await self._sees(envelope) else None",
        "if envelope else None",
        (ACCESS + "test_a_stream_tells_a_salesperson_of_its_own_customers_alone",),
    ),
    Guarantee(
        "whoever holds no role may do nothing",
        CHASSIS + "gate.py",
        "if not principal.roles:",
        "if principal.roles is None:",
        (ACCESS + "test_whoever_holds_no_role_of_ours_may_do_nothing_at_all",),
    ),
    Guarantee(
        "a route asks for its roles",
        CHASSIS + "context.py",
        "        if not asking(request).has(*roles):\n            raise",
        "        if not roles:\n            raise",
        (ACCESS + "test_each_role_may_do_what_the_page_on_access_says_and_nothing_else[sales]",),
    ),
    Guarantee(
        "a read of personal data is noted before it is answered",
        CHASSIS + "context.py",
        "        await self.host.audit.note(self.principal.id, self.route, events, self.correlation)\n",
        "",
        (READS + "test_a_read_is_noted_with_who_and_about_whom_but_not_with_what",),
    ),
    Guarantee(
        "a service cannot change who read",
        "libs/engine/src/engine/roles.py",
        "        when relname = 'personal_reads' then 'select, insert'\n",
        "",
        (READS + "test_the_service_can_neither_change_nor_remove_what_it_noted",),
    ),
    Guarantee(
        "a name that was pointed at this machine is not answered",
        CHASSIS + "front.py",
        "if EVERYBODY not in self.hosts and name.lower() not in self.hosts:",
        "if not self.hosts:",
        (FRONT + "test_a_name_that_was_pointed_at_us_is_not_answered",),
    ),
    Guarantee(
        "who guesses tokens is slowed down",
        CHASSIS + "gate.py",
        "            self.pace.failed(address)\n",
        "",
        (FRONT + "test_the_gate_counts_requests_by_who_asks_and_wrong_tokens_by_address",),
    ),
)
