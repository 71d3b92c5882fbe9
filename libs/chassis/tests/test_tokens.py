"""Tokens of the settings: whose they are, and whose customers a salesperson sees with one."""

import pytest

from chassis.admission import admission
from chassis.settings import Settings

TOKENS = """{
  "t-zhao": {"id": "u-17", "roles": ["sales"], "employee": "zhao-heng"},
  "t-chen": {"id": "chen", "roles": ["sales"]},
  "t-office": {"id": "u-18", "roles": ["sales", "operations"], "employee": "tom-barker"}
}"""


async def test_a_salesperson_sees_the_customers_of_the_employee_of_its_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A token of the settings could only name its owner by its id, which the ERP does not know."""
    monkeypatch.setenv("KEHU_AUTH__TOKENS", TOKENS)
    known = admission(Settings())
    found = {token: await known.principal(f"Bearer {token}") for token in ("t-zhao", "t-chen", "t-office")}
    assert {token: (p.id, p.own) for token, p in found.items()} == {
        "t-zhao": ("u-17", "zhao-heng"), "t-chen": ("chen", "chen"), "t-office": ("u-18", None),
    }  # fmt: skip
