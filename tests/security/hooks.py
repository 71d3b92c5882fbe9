"""What schemathesis has to know of Kehu: the currencies there are, the one 503 that is no fault."""

from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, CheckContext, Response

from events.currencies import UNITS

BEHIND = "/problems/kehu/view-behind"
"""A position from the future was asked for, and waited for in vain."""
schemathesis.openapi.format("iso-4217", st.sampled_from(sorted(UNITS)))


@schemathesis.check
def answers_for_itself(ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    """No request breaks the server."""
    if response.status_code >= 500 and not (response.status_code == 503 and BEHIND in response.text):
        raise AssertionError(f"{response.status_code}: {response.text}")
