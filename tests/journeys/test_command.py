"""The `kehu` command against one running company: what it tells and does, to people and to programs."""

import json
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from all_in_one.commands.server import PREFIXES
from all_in_one.home import Home
from all_in_one.services import SERVICES
from tests.journeys.people import Person, until
from tests.journeys.prompt import BASICS, WANG, Sums, Terminal, lives, park, sql, sums, worked
from tests.journeys.readme import Example, differs, documents, examples, missing_line
from tests.journeys.running import Kehu, company, free_port

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("command"), pytest.mark.timeout(240)]


@dataclass
class Saved:
    """A company at work, what it was when it was backed up, and what was said; it was restored as `rehearsal`."""

    terminal: Terminal
    file: Path
    sums: Sums
    lives: set[str]
    said: dict[str, str]


PAGES = ("docs/how-to/operate-embedded.md", "docs/how-to/operate-embedded.zh-CN.md")
SHOWN = examples("ops", page=PAGES[0])


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Saved]:
    """Looked after as the page on operating shows it."""
    folder, before = tmp_path_factory.mktemp("command"), Path.cwd()
    os.chdir(folder)
    try:
        with company(folder, "mine") as kehu, Person(kehu) as boss:
            worked(boss)
            kehu.settled()
            terminal = Terminal(kehu)
            found = Saved(terminal, folder / "monday.kehu", sums(kehu), lives(boss), {})
            for line in (line for example in SHOWN for line in example.commands):
                found.said[line] = terminal.said(*shlex.split(line)[1:])
            yield found
    finally:
        os.chdir(before)
        Home(folder / ".kehu" / "rehearsal").remove()


@pytest.fixture
def terminal(saved: Saved) -> Terminal:
    return saved.terminal


def test_both_pages_on_operating_show_the_same_examples() -> None:
    assert len(SHOWN) > 10
    assert examples("ops", page=PAGES[1]) == SHOWN


@pytest.mark.parametrize("example", SHOWN, ids=lambda e: e.commands[0].strip())
def test_what_the_page_on_operating_shows_is_what_is_answered(saved: Saved, example: Example) -> None:
    said = "".join(saved.said[line] for line in example.commands)
    if example.shown.startswith("{"):
        assert [differs(e, f) for e, f in zip(documents(example.shown), [json.loads(said)], strict=True)] == [None]
    else:
        assert missing_line(example.shown, said.replace("\t", "   ")) is None, said


def test_a_restored_company_ends_in_the_state_it_was_backed_up_in_and_work_goes_on(saved: Saved) -> None:
    assert len(saved.sums) > 20
    assert sum(rows for rows, _ in saved.sums.values()) > 15
    with Person(saved.terminal.kehu, _keys=count(100)) as boss:
        boss.do("/api/customers", {"customer": "later", "basics": BASICS})
    again = Kehu(saved.terminal.kehu.folder, "rehearsal")
    try:
        again.start()
        with Person(again, _keys=count(1000)) as boss:  # keys used before the backup are known
            anew(boss)
            assert sums(again) == saved.sums
            assert saved.lives.isdisjoint(lives(boss))
            [contact] = boss.see("/api/customers/contacts", customer="acme")["items"]
            assert contact["name"] == WANG["name"]
            assert boss.client.get("/api/customers/later").status_code == 404
            boss.do("/api/customers/days/advance", {"since": "2030-01-07", "days": 40})
            until(lambda: boss.see("/api/customers/days")["today"] == "2030-02-16")
            again.settled()
        assert again.stop() == 0
    finally:
        again.kill()


def anew(boss: Person) -> None:
    """Wait until every view was built anew, and caught up."""
    views = [(p, v["name"]) for p in PREFIXES.values() for v in boss.see(f"{p}/ops/views")]
    for prefix, name in views:
        until(lambda prefix=prefix, name=name: boss.see(f"{prefix}/ops/views/{name}")["build"] > 1)  # type: ignore[misc]
    boss.kehu.settled()


def test_a_file_is_never_written_over_and_a_company_that_is_not_there_is_told_with_those_that_are(
    saved: Saved, tmp_path: Path
) -> None:
    before, terminal = saved.file.read_bytes(), saved.terminal
    assert "is there already; give another name" in terminal.said("backup", str(saved.file), "--data", "mine", code=1)
    assert saved.file.read_bytes() == before
    told = terminal.said("backup", str(tmp_path / "x"), "--data", "other", code=1)
    assert "no company other here; there are: mine" in told
    assert terminal.kehu_("backup", str(tmp_path / "x"), "--data", "No Name").exit_code == 2
    assert "No such file" in terminal.said("backup", str(tmp_path / "nowhere" / "x"), "--data", "mine", code=1)
    assert list(tmp_path.iterdir()) == []
    assert "is running; stop it first" in terminal.said("restore", str(saved.file), "--data", "mine", code=1)


def test_services_lie_under_the_paths_the_command_knows() -> None:
    assert {s.name: s.prefix for s in SERVICES} == dict(PREFIXES)


def test_status_tells_the_day_and_each_service_with_the_life_of_its_log(terminal: Terminal) -> None:
    found = terminal.json("status")
    assert (found["healthy"], found["problems"]) == (True, [])
    assert (found["day"]["today"], found["day"]["went_live"]) == ("2030-01-07", True)
    customer = found["services"]["customer"]
    assert (customer["store"], customer["persons"], customer["parked"], customer["halted"]) == ("up", 1, 0, [])
    assert customer["events"] >= 3
    assert len({s["incarnation"] for s in found["services"].values()}) == 4
    assert "business day 2030-01-07, live" in terminal.said("status")


def test_lag_is_told_for_every_consumer_and_can_be_waited_for(terminal: Terminal) -> None:
    found = terminal.json("lag", "--wait", "30")
    consumers = {(c["service"], c["consumer"]) for c in found}
    assert {("customer", "view:customers"), ("credit", "timer:lateness")} < consumers
    assert {c["events"] for c in found} == {0}


def test_views_are_told_with_rows_and_size_and_one_is_rebuilt(terminal: Terminal) -> None:
    [before] = [v for v in terminal.json("views") if v["name"] == "customers"]
    assert (before["service"], before["rows"], before["state"]) == ("customer", 2, "live")
    planned = terminal.json("rebuild", "customers", "--dry-run")
    assert (planned["done"], planned["build"]) == (False, before["build"])
    done = terminal.json("rebuild", "customers")
    assert (done["done"], done["build"], done["rebuild"]["same"]) == (True, before["build"] + 1, True)


def test_a_view_that_several_services_have_is_asked_for_with_its_service(terminal: Terminal) -> None:
    assert "choose one of: customer/business_day" in terminal.said("rebuild", "business_day", code=1)
    assert terminal.json("rebuild", "credit/business_day", "--dry-run")["service"] == "credit"
    assert "no view is called nothing" in terminal.said("rebuild", "nothing", code=1)


def test_events_are_told_by_service_type_and_customer_and_nothing_personal_is(terminal: Terminal) -> None:
    everything = terminal.said("events", "tail", "-n", "100") + terminal.said("events", "tail", "-n", "100", "--json")
    assert "customer.ContactRecorded.v1" in everything
    assert (WANG["name"] in everything, WANG["phone"] in everything) == (False, False)
    assert '"name": "(sealed)"' in everything
    lines = terminal.said("events", "tail", "--customer", "acme", "--service", "credit").splitlines()
    assert "credit.AccountOpened.v1" in lines[0]
    assert {line.split()[1].partition("/")[0] for line in lines} == {"credit"}
    [only] = terminal.said("events", "tail", "--type", "company.DayOpened", "-n", "1", "--json").splitlines()
    assert json.loads(only)["data"]["day"] == "2030-01-07"
    assert terminal.kehu_("events", "tail", "--service", "sales").exit_code == 2


def test_an_event_is_got_by_its_place_or_by_its_id(terminal: Terminal) -> None:
    by_place = terminal.json("events", "get", "credit/1")
    assert terminal.json("events", "get", by_place["id"]) == by_place
    assert "the log of credit ends at" in terminal.said("events", "get", "credit/999", code=1)
    assert "no service has an event nothing" in terminal.said("events", "get", "nothing", code=1)


def test_events_are_sought_by_what_they_say_but_never_by_what_is_sealed(terminal: Terminal) -> None:
    assert "customer.CustomerRegistered.v1" in terminal.said("events", "grep", "泵业")
    assert terminal.said("events", "grep", "王芳芳", code=1) == ""
    assert terminal.kehu_("events", "grep", "(").exit_code == 2


def test_following_goes_on_from_the_last_event_told(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two looks something happens; then whoever follows breaks it off."""

    looks: list[float] = []

    def pause(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) > 1:
            raise KeyboardInterrupt
        with Person(terminal.kehu, "dev-office") as sales:
            sales.do("/api/customers/basics", {"customer": "acme", "basics": {**BASICS, "name": "Acme 新"}}, "PUT")

    monkeypatch.setattr("all_in_one.commands.log.time.sleep", pause)
    said = terminal.kehu_("events", "tail", "-f", "-n", "0", "--service", "customer").stdout
    assert [line.split()[2] for line in said.splitlines()] == ["customer.CustomerUpdated.v1"]


async def test_what_is_parked_is_listed_shown_replayed_and_discarded(terminal: Terminal) -> None:
    at = terminal.said("events", "tail", "--type", "customer.CustomerRegistered", "--json").splitlines()[0]
    event = json.loads(at)
    terminal.kehu.settled()  # what of acme is still to be folded would be parked behind it
    await park(terminal.kehu, event)
    [listed] = terminal.json("deadletters", "ls")
    letter = listed["letter"]
    assert (listed["group"], listed["customer"], listed["kind"]) == ("view:customers", "acme", "poison")
    assert "1 customers are parked in view:customers" in terminal.said("status", code=1)
    shown = terminal.json("deadletters", "show", letter)
    assert (shown["error"], shown["content"]["id"]) == ("builtins.ValueError", event["id"])
    [replayed] = terminal.json("deadletters", "replay", letter)
    assert replayed["replayed"] == 1
    await park(terminal.kehu, event)
    [listed] = terminal.json("deadletters", "ls", "--customer", "acme")
    assert "nothing was done, --yes does it" in terminal.said("deadletters", "discard", listed["letter"])
    assert len(terminal.json("deadletters", "ls")) == 1
    assert terminal.json("deadletters", "discard", listed["letter"], "--yes")["done"] is True
    assert terminal.json("deadletters", "ls") == []
    assert "was dealt with" in terminal.said("deadletters", "show", listed["letter"], code=1)
    assert terminal.kehu_("deadletters", "replay").exit_code == 2


def doctored(terminal: Terminal, **options: str) -> dict[str, str]:
    """What the doctor finds wrong with the services, by check."""
    words = [f"--{name}={value}" for name, value in options.items()]
    told = json.loads(terminal.kehu_("doctor", "--data", "mine", "--json", *words).stdout)
    return {f["check"]: f["what"] for f in told if f["state"] == "wrong"}


def test_the_doctor_finds_a_company_well_and_tells_a_person_what_else_to_know(
    terminal: Terminal,
) -> None:
    said = terminal.said("doctor", "--data", "mine")
    for line in ("ok    packages: ", "ok    postgresql: runs", "ok    services: all four are well", "ok    day: 2030-"):
        assert line in said
    assert "This needs one of the roles: operations" in doctored(terminal, token="dev-sales")["services"]
    assert "is free" in terminal.said("doctor", "--data", "mine", "--url", f"http://127.0.0.1:{free_port()}")


BROKEN_TIMER = """
insert into timers (key, company, due, command_type, command, event, correlation, origin, attempts, error)
values ('x', 'main', '2030-01-01', 'X', '{}', gen_random_uuid(), gen_random_uuid(), 'live', 5, 'builtins.ValueError')"""
STUCK = """
insert into waiting
values ('erp', 'PAY-1', 'erp.Payment.v1', 'acme', '{}', '{}', 1, now() - interval '2 days', 'infinity')"""
HALTED = """
update views set version = 99 where name = 'accounts';
update consumers set epoch = epoch + 1 where grp = 'view:accounts'"""
MENDED = "update views set version = 1 where name = 'accounts'"
CLEARED = "delete from timers where key = 'x'; delete from waiting where id = 'PAY-1'"


def test_the_doctor_names_what_is_broken_in_the_services_and_they_are_well_again_once_it_is_mended(
    terminal: Terminal,
) -> None:
    sql(terminal.kehu, "credit", BROKEN_TIMER, STUCK, HALTED)
    with Person(terminal.kehu) as boss:
        boss.do("/api/customers", {"customer": "other", "basics": BASICS}, **{"Idempotency-Key": "other"})
        until(lambda: "workers" in doctored(terminal))
        found = doctored(terminal)
        assert "credit: 1 due commands broke five times" in found["timers"]
        assert "credit: 1 documents wait for what they refer to" in found["intake"]
        assert "credit: view:accounts has halted" in found["workers"]
        assert "credit: the table of accounts is of version 99" in found["views"]
        assert "view:accounts has halted and waits for a person" in terminal.said("status", code=1)
        sql(terminal.kehu, "credit", MENDED, CLEARED)
        boss.do("/api/credit/ops/workers/view:accounts/restart", None, **{"Idempotency-Key": "again"})
    terminal.kehu.settled()
    assert doctored(terminal) == {}


def test_the_day_is_shown_opened_and_moved_on_and_a_dry_run_moves_nothing(terminal: Terminal) -> None:
    assert "Would open 2030-02-21 after 2030-01-07" in terminal.said("date", "advance", "45", "--dry-run")
    assert terminal.json("date", "show")["today"] == "2030-01-07"
    assert terminal.json("date", "set", "2030-01-08") == {"done": True, "before": "2030-01-07", "today": "2030-01-08"}
    assert terminal.json("date", "advance", "2")["today"] == "2030-01-10"
    until(lambda: terminal.json("date", "show")["today"] == "2030-01-10")
    assert "2030-01-10" in terminal.said("date", "set", "2030-01-01", code=1)
    assert terminal.kehu_("date", "set", "7.1.2030").exit_code == 2


def test_a_person_is_erased_only_with_a_word_and_the_keys_are_named_before(terminal: Terminal) -> None:
    asked = ("erase-person", "acme", "wang-fang")
    planned = terminal.json(*asked)
    held = {(h["service"], h["events"], h["newest"][0]["type"]) for h in planned["services"]}
    assert held == {("customer", 1, "customer.ContactRecorded"), ("complaint", 1, "complaint.ComplaintOpened")}
    assert planned["done"] is False
    assert "nothing was done, --yes does it" in terminal.said(*asked)
    assert terminal.kehu_(*asked, "--yes").exit_code == 2
    assert terminal.json(*asked, "--yes", "--reason", "asked for it")["done"] is True
    until(lambda: terminal.json("status")["services"]["customer"]["persons"] == 0)
    assert "erased already" in terminal.said(*asked, code=1)


REFUSALS = [
    (("--url", "http://127.0.0.1:1"), "nothing answers at http://127.0.0.1:1; start it with `make run`"),
    (("--url", "nix"), "nix is no address of a server"),
    (("--token", "nobody"), "No valid bearer token came with the request. Give a known one with --token"),
    (("--token", "dev-sales"), "This needs one of the roles: operations"),
]


@pytest.mark.parametrize(("options", "sentence"), REFUSALS, ids=lambda v: v[-1] if isinstance(v, tuple) else "")
def test_what_cannot_be_asked_is_refused_in_a_sentence_and_stdout_stays_empty(
    terminal: Terminal, options: tuple[str, ...], sentence: str
) -> None:
    for more in ((), ("--json",)):
        refused = terminal.kehu_("views", *options, *more)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert sentence in refused.stderr.replace("\n", " ")


def test_the_report_on_the_intake_tells_what_came_twice_and_which_numbers_never_did(terminal: Terminal) -> None:
    numbers = [n for n in range(1, 15) if n not in (4, 8, 9)]
    with Person(terminal.kehu) as boss:
        receipts = boss.send("/api/credit", *map(payment, numbers), payment(2), payment(3))
    verdicts = [receipt["verdict"] for receipt in receipts]
    assert (verdicts.count("accepted"), verdicts.count("duplicate")) == (11, 2)
    (row,) = terminal.json("intake", "report", "--source", "numbers")
    assert (row["service"], row["messages"], row["accepted"], row["duplicates"]) == ("credit", 11, 11, 2)
    (series,) = row["series"]
    assert (series["missing"], [(g["first"], g["last"]) for g in series["gaps"]]) == (
        3,
        [("N-0004", "N-0004"), ("N-0008", "N-0009")],
    )
    assert "N-0004, N-0008 to N-0009" in " ".join(terminal.said("intake", "report", "--source", "numbers").split())
    assert terminal.json("intake", "report", "--source", "nobody") == []


def payment(number: int) -> dict[str, object]:
    money = {"amount": "1.00", "currency": "CNY"}
    data = {"customer": "acme", "payment": f"N-{number:04d}", "value_date": "2029-12-01", "amount": money}
    return {
        "specversion": "1.0", "source": "numbers", "id": f"n{number}", "type": "erp.Payment.v1", "data": data
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "content", "says"),
    [
        (("reconcile", "balances.csv"), "customer,balance\nacme,1\n", "has no column currency"),
        (("reconcile", "balances.csv"), "customer,balance,currency\nacme,much,CNY\n", "line 2, column balance"),
        (("reconcile", "balances.csv"), "customer,balance,currency\n", "names no balance"),
        (("intake", "report", "--sauce", "erp"), "", "--sauce"),
    ],
)
def test_wrong_input_ends_with_2_so_that_1_means_that_balances_differ(
    terminal: Terminal, tmp_path: Path, words: tuple[str, ...], content: str, says: str
) -> None:
    file = tmp_path / "balances.csv"
    file.write_text(content)
    refused = terminal.kehu_(*[str(file) if word == "balances.csv" else word for word in words])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert says in " ".join(refused.stderr.split())
