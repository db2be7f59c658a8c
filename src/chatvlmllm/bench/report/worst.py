"""The worst pages of every subject: the picture with what was not read marked, and the two texts word by word."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from chatvlmllm.bench.metrics import normalise
from chatvlmllm.bench.store import Study
from chatvlmllm.bench.summary import Row, Summary

if TYPE_CHECKING:
    from PIL.Image import Image

#: Pages shown per subject, width of a picture in pixels, words of a text.
PAGES, _WIDTH, _MOST_WORDS = 2, 760, 700

Step = tuple[Literal["same", "lost", "added"], str]


@dataclass(frozen=True)
class Page:
    """A page worth looking at: its picture as a data URL, and the texts as steps from truth to answer."""

    case: str
    subject: str
    cer: float
    verdict: str
    picture: str
    steps: tuple[Step, ...]


def pages(study: Study, summary: Summary) -> Iterator[Page]:
    """The pages with the highest CER of every subject; perfect ones are not shown."""
    for line in summary.overall:
        rows = [row for row in summary.of(line.subject) if row.error]
        for row in sorted(rows, key=lambda row: -(row.error or 0.0))[:PAGES]:
            yield Page(
                row.case.id,
                line.subject,
                row.error or 0.0,
                row.answer.verdict,
                _data_url(_marked(study, row)),
                tuple(steps(row.case.truth.text or "", row.answer.text)),
            )


def steps(truth: str, answer: str) -> Iterator[Step]:
    """Runs of words that agree, that are missing, that were added; cut off after a page's worth."""
    from rapidfuzz.distance import Levenshtein

    true, said = normalise.words(truth)[:_MOST_WORDS], normalise.words(answer)[:_MOST_WORDS]
    for step in Levenshtein.opcodes(true, said):
        if step.tag == "equal":
            yield "same", " ".join(true[step.src_start : step.src_end])
            continue
        if step.src_end > step.src_start:
            yield "lost", " ".join(true[step.src_start : step.src_end])
        if step.dest_end > step.dest_start:
            yield "added", " ".join(said[step.dest_start : step.dest_end])


def missed(row: Row) -> list[tuple[float, float, float, float]]:
    """Boxes of the truth's words that the answer does not have in their place."""
    from rapidfuzz.distance import Levenshtein

    words = [(normalise.text(text), box) for text, box in row.case.truth.words]
    said = normalise.words(row.answer.text)
    found = set[int]()
    for step in Levenshtein.opcodes([text for text, _ in words], said):
        if step.tag == "equal":
            found.update(range(step.src_start, step.src_end))
    return [box for place, (_, box) in enumerate(words) if place not in found]


def _marked(study: Study, row: Row) -> Image:
    from PIL import Image, ImageDraw

    from chatvlmllm.document import open_document
    from chatvlmllm.errors import ChatVLMLLMError

    try:
        with open_document(study.page(row.case)) as document:
            picture = next(document.pages([1])).image()
    except (ChatVLMLLMError, OSError):
        # A page that nobody can open is shown as the empty sheet that it is.
        return Image.new("RGB", (_WIDTH, _WIDTH // 3), "white")
    scale = _WIDTH / picture.width
    small = picture.convert("RGB").resize((_WIDTH, max(1, round(picture.height * scale))), 3)
    draw = ImageDraw.Draw(small, "RGBA")
    for left, top, right, bottom in missed(row):
        corners = (left * scale - 2, top * scale - 2, right * scale + 2, bottom * scale + 2)
        draw.rectangle(corners, fill=(214, 40, 40, 46), outline=(214, 40, 40, 255), width=2)
    return small


def _data_url(picture: Image) -> str:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=72)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
