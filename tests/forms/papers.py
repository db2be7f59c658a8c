"""Readings made of what a specimen truly says, and the comparison of extracted with true values."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from chatvlmllm.bench import specimens
from chatvlmllm.decode.records import block as block_of
from chatvlmllm.decode.records import line as line_of
from chatvlmllm.forms import Extraction
from chatvlmllm.forms.labels import fold
from chatvlmllm.geometry import Box, Size
from chatvlmllm.reading import Block, Kind, Reading, Verdict, Word

KINDS = (
    "act",
    "bank_guarantee",
    "cash_receipt",
    "contract",
    "driving_licence",
    "estimate",
    "foreign_passport",
    "inn_certificate",
    "invoice",
    "invoice_en",
    "passport_rf",
    "payment_order",
    "price_justification",
    "protocol",
    "receipt_en",
    "snils",
    "technical_spec",
    "tender_notice",
    "upd",
    "vat_invoice",
)


@cache
def specimen(kind: str, seed: int) -> specimens.Specimen:
    return specimens.make(kind, seed)


def readings(kind: str, seed: int) -> list[Reading]:
    """The pages of a specimen as a perfect reader without tables would give them."""
    return [page_reading(number, page) for number, page in enumerate(specimen(kind, seed).pages, 1)]


def page_reading(number: int, page: Any) -> Reading:
    lines: dict[tuple[int, int], list[Word]] = {}
    for word in page.words:
        lines.setdefault((word.block, word.line), []).append(Word(word.text, Box(*word.box), 1.0))
    blocks: dict[int, list[Any]] = {}
    for (place, _), words in lines.items():
        blocks.setdefault(place, []).append(line_of(words))
    return reading(
        *(block_of(Kind.TEXT, rows) for rows in blocks.values()), number=number, size=(page.width, page.height)
    )


def reading(*blocks: Block, number: int = 1, size: tuple[float, float] = (1000, 1400)) -> Reading:
    return Reading(
        page=number, size=Size(round(size[0]), round(size[1])), verdict=Verdict.OK, asked="truth", blocks=blocks
    )


def typed(text: str, number: int = 1) -> Reading:
    """A page set as on a typewriter, 12 × 24 pixels a character, one line of text to a line of `text`."""
    lines = []
    for row, words in enumerate(text.splitlines()):
        found = [
            Word(m.group(), Box(50 + m.start() * 12, 50 + row * 34, 50 + m.end() * 12, 74 + row * 34), 1.0)
            for m in re.finditer(r"\S+", words)
        ]
        if found:
            lines.append(block_of(Kind.TEXT, [line_of(found)]))
    return reading(*lines, number=number, size=(1400, 2000))


def truth(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The true values of a specimen by the keys of an extraction."""
    for key, found in fields.items():
        if isinstance(found, list):
            for index, row in enumerate(found):
                for name, cell in row.items():
                    yield f"{key}[{index}].{name}", cell["value"]
        else:
            yield key, found["value"]


def plain(value: str | None) -> str | None:
    """A value without what does not change its meaning: quotes, case, ё, × for x, idle zeros, closing full stop."""
    if value is None:
        return None
    if re.fullmatch(r"-?\d+\.\d+", value):
        return value.rstrip("0").rstrip(".")
    bare = re.sub(r"\s*([,;])\s*", r"\1 ", re.sub(r"[«»\"“”„'<>]", "", fold(value).replace("×", "х")))
    return " ".join(re.sub("[–—−]", "-", bare).split()).strip(" .,")


def wrong(kind: str, seed: int, found: Extraction) -> list[tuple[str, str, str | None]]:
    """Fields whose value is not the true one: (key, true, found)."""
    values = {one.key: one.value for one in found.every()}
    pairs = [(key, true, values.get(key)) for key, true in truth(specimen(kind, seed).fields)]
    return [one for one in pairs if plain(one[1]) != plain(one[2])]
