"""One session of ClickHouse, in the interpreter that has it: statements from stdin, what each query answers to stdout.

Stdin: ``{"statements": [...], "queries": {name: [sql, parameters]}, "seconds": false}``; stdout: rows by name, each an
object, or the seconds a query takes (the best of five).
"""

import json
import sys
import tempfile
import time

import chdb.session


def main() -> None:
    asked = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        session = chdb.session.Session(folder)
        for statement in asked["statements"]:
            session.query(statement)
        session.query("set output_format_json_quote_decimals = 1")
        answer = timed if asked.get("seconds") else rows
        print(json.dumps({name: answer(session, *query) for name, query in asked["queries"].items()}))
        session.close()


def rows(session: chdb.session.Session, sql: str, parameters: dict[str, str]) -> list[dict[str, object]]:
    answered = session.query(sql, "JSONEachRow", params=parameters).bytes().decode()
    return [json.loads(line) for line in answered.splitlines()]


def timed(session: chdb.session.Session, sql: str, parameters: dict[str, str]) -> float:
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        session.query(sql, "JSONEachRow", params=parameters)
        taken.append(time.perf_counter() - began)
    return min(taken)


main()
