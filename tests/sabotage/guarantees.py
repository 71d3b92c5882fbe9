"""What the tests have to notice: for each guarantee the text that holds it, and the text without it."""

from tests.sabotage import deciding, delivering, importing, losing, recording, securing, serving, showing, telling
from tests.sabotage.guarantee import Guarantee

GUARANTEES: tuple[Guarantee, ...] = (
    *deciding.GUARANTEES,
    *delivering.GUARANTEES,
    *losing.GUARANTEES,
    *serving.GUARANTEES,
    *securing.GUARANTEES,
    *recording.GUARANTEES,
    *importing.GUARANTEES,
    *showing.GUARANTEES,
    *telling.GUARANTEES,
)
