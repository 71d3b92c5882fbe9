"""Least privilege: the roles a service's sessions take on, and the rights they have.

Roles belong to the whole server and all databases of it share them; rights belong to one database. `establish` looks
what is missing and adds no more than that, so it may run at every start, in several databases at the same time.
"""

import logging
from typing import Literal
from urllib.parse import urlsplit

import asyncpg

log = logging.getLogger("kehu.roles")

Role = Literal["kehu_writer", "kehu_reader"]
WRITER: Role = "kehu_writer"
"""Adds events through `append_events` only; changes support tables; makes, owns and feeds the tables of views."""
READER: Role = "kehu_reader"
"""Reads the log and its incarnation: what a topic of another service consists of."""

_LOCK = 5_348_014
_SETTABLE = "case when current_setting('server_version_num')::int < 160000 then 'MEMBER' else 'SET' end"
_ROLES = """
select format('create role %I nologin', name) from unnest(array['kehu_writer', 'kehu_reader']) name
where not exists (select from pg_roles where rolname = name) order by name desc"""
_MEMBERSHIPS = f"""
select format('grant %I to current_user', rolname) from pg_roles
where rolname in ('kehu_writer', 'kehu_reader') and not pg_has_role(oid, {_SETTABLE}) order by rolname"""  # noqa: S608
_SHOWN = "(select name from views union select table_name from view_builds)"
_RIGHTS = f"""
with ours as (
    select c.oid, c.relname, c.relkind, case
        when relkind <> 'S' and relname in {_SHOWN} then 'all'
        when relkind = 'S' then 'usage'
        when relname in ('events', 'store', 'verdicts', 'alembic_version') then 'select'
        when relname = 'personal_reads' then 'select, insert'
        else 'select, insert, update, delete' end as rights
    from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'S')
        and c.relowner <> 'kehu_writer'::regrole and pg_has_role(c.relowner, 'USAGE')
), entry as (
    select p.oid, p.oid::regprocedure as name from pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.proname in ('append_events', 'forget_personal_reads')
)
select 'grant usage, create on schema public to kehu_writer'
where not has_schema_privilege('kehu_writer', 'public', 'create')
    or not has_schema_privilege('kehu_writer', 'public', 'usage')
union all select 'grant usage on schema public to kehu_reader'
where not has_schema_privilege('kehu_reader', 'public', 'usage')
union all select format('alter table %I owner to kehu_writer', relname) from ours where rights = 'all'
union all select format('grant %s on %s %I to kehu_writer', rights, kind, relname)
from ours cross join lateral (values (case relkind when 'S' then 'sequence' else 'table' end)) k(kind)
where rights <> 'all' and not case rights
    when 'usage' then has_sequence_privilege('kehu_writer', oid, 'usage')
    when 'select' then has_table_privilege('kehu_writer', oid, 'select')
    when 'select, insert' then has_table_privilege('kehu_writer', oid, 'insert')
    else has_table_privilege('kehu_writer', oid, 'delete') end
union all select format('grant select on %I to kehu_reader', relname) from ours
where relname in ('events', 'store') and not has_table_privilege('kehu_reader', oid, 'select')
union all select format('revoke execute on function %s from public', name) from entry
where has_function_privilege('public', oid, 'execute')
union all select format('grant execute on function %s to kehu_writer', name) from entry
where has_function_privilege('public', oid, 'execute') or not has_function_privilege('kehu_writer', oid, 'execute')
"""  # noqa: S608 - constants only
_HELD = f"""
select has_table_privilege(oid, to_regclass('public.events'), 'select') from pg_roles
where rolname = $1 and pg_has_role(oid, {_SETTABLE})"""  # noqa: S608 - constants only


class NoRole(Exception):
    """A session may not take on a role that was asked for strictly."""


class _Refused(Exception):
    """A right that was to be given is still missing."""


async def establish(url: str) -> bool:
    """Make the roles and give them their rights in the database at `url`, as far as they are missing.

    False where this login may not do that: said in the log, with what an administrator can do. `url` is the owner's.
    """
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
            async with connection.transaction():
                for missing in (_ROLES, _MEMBERSHIPS, _RIGHTS):
                    await _add(connection, missing)
        return True
    except (asyncpg.InsufficientPrivilegeError, _Refused) as refused:
        login = await connection.fetchval("select quote_ident(current_user)")
        log.warning(
            "%s: sessions keep the rights of %s, triggers alone guard the log (%s). An administrator can change that: "
            "create role kehu_writer nologin; create role kehu_reader nologin; grant kehu_writer, kehu_reader to %s",
            _name(url), login, refused, login,
        )  # fmt: skip
        return False
    finally:
        await connection.close()


async def make_roles(url: str) -> None:
    """Make the roles, with no rights yet: what is restored belongs to them. `url` is an administrator's."""
    connection = await asyncpg.connect(url)
    try:
        for missing in (_ROLES, _MEMBERSHIPS):
            await _add(connection, missing)
    finally:
        await connection.close()


async def taken_on(url: str, role: Role, *, strict: bool = False) -> dict[str, str]:
    """The settings of a session at `url` that takes on `role` when it begins; none, with a warning, where it may not.

    A startup setting costs nothing later, and nothing a session does is reset to more than it. Raises NoRole if strict.
    """
    connection = await asyncpg.connect(url)
    try:
        held = await connection.fetchval(_HELD, role)
    finally:
        await connection.close()
    if held:
        return {"role": role}
    if strict:
        raise NoRole(f"{_name(url)}: this login may not take on the role {role}, or it has no rights there")
    log.warning("%s: sessions do not take on the role %s but keep all rights of their login", _name(url), role)
    return {}


async def _add(connection: asyncpg.Connection, missing: str) -> None:
    """Carry out the statements `missing` gives. Another database may be doing the same: then it is done."""
    for row in await connection.fetch(missing):
        try:
            async with connection.transaction():
                await connection.execute(row[0])
        except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            continue
    if still := await connection.fetch(missing):
        raise _Refused(f"without effect: {still[0][0]}")


def _name(url: str) -> str:
    return urlsplit(url).path.lstrip("/")
