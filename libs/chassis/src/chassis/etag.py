"""ETag = version of the stream; If-Match = the version a change was decided upon."""

from starlette.responses import Response

from chassis.problems import Defect, Malformed, Problem
from events.base import LARGEST


def tag(version: int) -> str:
    """The entity tag of a stream's version: ``"7"``."""
    return f'"{version}"'


def put(response: Response, version: int | None) -> None:
    """State the version of what is answered, so that it can be named in If-Match."""
    if version is not None:
        response.headers["ETag"] = tag(version)


def expected(if_match: str | None) -> int | None:
    """The version If-Match names; None for no header or ``*``. Raises the problem of a tag that is not one of ours."""
    if if_match is None or if_match.strip() == "*":
        return None
    number = if_match.strip().removeprefix("W/").strip('"')
    if not number.isdecimal() or int(number) > LARGEST:
        raise Problem(Malformed(), errors=[Defect(pointer="/header/If-Match", message='one version, as in "7"')])
    return int(number)
