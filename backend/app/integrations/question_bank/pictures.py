"""Pictures in files: text that other systems pass over, since it names files of this platform.

It is JSON: `question` is the picture of the question, `1` that of its first item and so on in the
order in which readers come upon them; `of` says how many items there were.
"""

import json
from typing import Any

from app.domain.content.quiz.metadata import ITEM_LISTS
from app.domain.content.quiz.questions import Question
from app.integrations.question_bank.bank import Found, UnsupportedError, mentioned_items


def written_pictures(question: Question) -> str:
    """Return what `take_pictures` reads; nothing for a question without pictures.

    No character of it means anything to GIFT, XML or spreadsheets once it is escaped for them.
    """
    items = mentioned_items(question)
    pictures = {"question": question.picture} | {
        str(place): item.picture for place, item in enumerate(items, start=1)
    }
    told = {place: picture.as_json() for place, picture in pictures.items() if picture}
    return json.dumps({"of": len(items), **told}) if told else ""


def take_pictures(found: Found, text: str) -> None:
    """Give a question that was read, and its items, their pictures.

    Raises UnsupportedError.
    """
    told = _read(text) if text else {}
    found.picture = told.pop("question", None)
    items = [item for name in ITEM_LISTS for item in found.metadata.get(name, ())]
    if told.pop("of", len(items)) != len(items):
        found.notes["pictures_dropped"] = "Pictures of entries stay behind if their number changed."
        return
    for place, item in enumerate(items, start=1):
        if picture := told.get(str(place)):
            item["picture"] = picture


def _read(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise UnsupportedError(
            code="invalid_pictures", detail="Pictures are written as an export writes them."
        )
    return told
