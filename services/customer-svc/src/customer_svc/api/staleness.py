"""From when on a record counts as fresh (R-008)."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import Depends

from chassis.context import Hosted, Today


async def stale_before(runtime: Hosted, today: Today) -> date:
    """Records last verified before this day are stale."""
    return today - timedelta(days=runtime.settings.company.stale_after)


StaleBefore = Annotated[date, Depends(stale_before)]
