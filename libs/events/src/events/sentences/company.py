"""Sentences about the selling company."""

from collections.abc import Mapping

from events.base import Event
from events.company import DayOpened, WentLive
from events.sentences.template import Sentence

SENTENCES: Mapping[type[Event], Sentence] = {
    DayOpened: Sentence("Business day {day} opened", "业务日 {day} 开启"),
    WentLive: Sentence(
        "Kehu went live on {day} with {loaded_documents} documents loaded",
        "Kehu 于 {day} 正式启用，已导入 {loaded_documents} 份单据",
    ),
}
