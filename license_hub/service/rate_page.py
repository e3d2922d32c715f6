"""一线评应用: how a page served those who work with it, 1 to 5 and a few words; of a body, never of a person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from license_hub.errors import CaseRefused
from license_hub.service.hub import Hub
from license_hub.signing.commitment import instant
from license_hub.storage.engine import reading, writing
from license_hub.storage.tables_desk import rating

SCORES = range(1, 6)
MOST_CHARS = 200
_NUMBERS = re.compile(r"[0-9]{5,}")
"""A case's, a person's, a telephone's: no words about a page."""


@dataclass(frozen=True)
class Tally:
    """Of one page: how often each score was given, and the newest words."""

    page: str
    scores: Mapping[int, int]
    words: tuple[str, ...]

    @property
    def mean(self) -> float:
        return sum(score * many for score, many in self.scores.items()) / sum(self.scores.values())


def rate(hub: Hub, organ: str, page: str, score: int, words: str) -> None:
    """Raises CaseRefused for a score that is none, and for words that could name somebody."""
    if score not in SCORES:
        raise CaseRefused("/score", "range", "1 to 5")
    if len(words) > MOST_CHARS or _NUMBERS.search(words) or not words.isprintable():
        raise CaseRefused("/words", "not_personal", "a few words without numbers")
    row = {"organ": organ, "page": page, "score": score, "words": words, "rated_at": instant(hub.now())}
    with writing(hub.engine) as connection:
        connection.execute(sa.insert(rating).values(row))


def tallies(hub: Hub, words: int = 10) -> list[Tally]:
    """By page."""
    counted = sa.select(rating.c.page, rating.c.score, sa.func.count().label("many")).group_by(rating.c.page, rating.c.score)
    with reading(hub.engine) as connection:
        found: dict[str, dict[int, int]] = {}
        for row in connection.execute(counted.order_by(rating.c.page, rating.c.score)):
            found.setdefault(row.page, {})[row.score] = row.many
        return [Tally(page, scores, _words(connection, page, words)) for page, scores in found.items()]


def _words(connection: sa.Connection, page: str, most: int) -> tuple[str, ...]:
    said = (rating.c.page == page, rating.c.words != "")
    query = sa.select(rating.c.words).where(*said).order_by(rating.c.rating_id.desc()).limit(most)
    return tuple(connection.execute(query).scalars())
