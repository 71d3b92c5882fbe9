"""What a message is about, so that what became of it can be reported and its amount reconciled: nothing personal."""

from alembic import op

revision = "0007"
down_revision = "0006"

TOLD = """
alter table inbox
    add column document text collate "C",
    add column amount numeric,
    add column currency text collate "C",
    add column rate numeric,
    add column effective date,
    add column sequence text collate "C",
    add column repeated int not null default 0,
    add column conflicts int not null default 0;
create index inbox_unbooked on inbox (customer) where verdict <> 'accepted'
"""


def upgrade() -> None:
    for statement in TOLD.split(";\n"):
        op.execute(statement)
