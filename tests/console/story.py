"""A small company to look at: one customer with markup for a name, late, above its limit, with a complaint."""

from dataclasses import dataclass

from tests.journeys.people import Person, money

NAME = "<script>window.broken = true</script> Acme & 泵业"
FIRST, TODAY = "2030-01-07", "2030-02-21"


@dataclass(frozen=True)
class Story:
    """What was told, and by whom."""

    boss: Person

    def alarm(self, customer: str) -> None:
        """A new customer that is above its limit at once."""
        self.register(customer, f"{customer} 贸易")
        self.bill(customer, f"I-{customer}", "2030-03-20")

    def register(self, customer: str, name: str, currency: str = "CNY") -> None:
        basics = {"name": name, "type": "dealer", "currency": currency, "owner": "li-wei"}
        self.boss.do("/api/customers", {"customer": customer, "basics": basics})
        self.boss.kehu.settled()

    def bill(self, customer: str, invoice: str, due: str, amount: str = "600.00", currency: str = "CNY") -> None:
        owed = {"amount": amount, "currency": currency}
        body = {"customer": customer, "invoice": invoice, "invoice_date": FIRST, "due": due, "amount": owed}
        self.boss.do("/api/credit/invoices", body)


def told(boss: Person) -> Story:
    """A limit of 1,000; 600 owed since 15 days, 700 not due yet; a complaint at its second step for 45 days."""
    story = Story(boss)
    boss.do("/api/customers/days/open", {"day": FIRST})
    boss.do("/api/customers/days/live", {})
    story.register("acme", NAME)
    boss.do("/api/credit/limits", {"customer": "acme", "limit": money("1000.00"), "reason": "three good years"})
    story.bill("acme", "I-1", "2030-02-06")
    story.bill("acme", "I-2", "2030-03-08", "700.00")
    complainant = {"person": "wang-fang", "name": "王芳", "phone": "021-5551"}
    complaint = {"complaint": "K-1", "customer": "acme", "subject": "product_quality", "object": "pumps leak"}
    boss.do("/api/complaints", {**complaint, "complainant": complainant, "demand": "replacement"})
    judged = {"complaint": "K-1", "established": True, "finding": "so it is", "feedback": "told"}
    boss.do("/api/complaints/judge", judged)
    boss.kehu.settled()
    boss.do("/api/customers/days/advance", {"since": FIRST, "days": 45})
    boss.kehu.settled()
    return story
