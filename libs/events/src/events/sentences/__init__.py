"""What happened, as a sentence people read, in English and Chinese: one of every event, made from its fields.

`said` takes from an event what its sentence names, as plain JSON that may be kept; `sentence` puts it into words.
Personal fields are never named.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from events.base import Event
from events.sentences import analytics, company, complaint, credit, customer
from events.sentences.template import Language, Sentence

__all__ = ["SENTENCES", "Language", "said", "sentence"]

SENTENCES: Mapping[type[Event], Sentence] = MappingProxyType(
    {
        **company.SENTENCES,
        **customer.SENTENCES,
        **credit.SENTENCES,
        **complaint.SENTENCES,
        **analytics.SENTENCES,
    }
)
_BY_TYPE = {event.type: sentence for event, sentence in SENTENCES.items()}


def said(event: Event) -> dict[str, Any]:
    """What the sentence of `event` names, by placeholder; what there is none of is left out."""
    return SENTENCES[type(event)].values(event)


def sentence(type_name: str, values: Mapping[str, Any], language: Language) -> str:
    """The sentence of an event of this type (without version) that said `values`."""
    return _BY_TYPE[type_name].told(values, language)
