"""ALTO 4.4 (Library of Congress): pages, blocks, lines and strings with places in page pixels."""

from collections.abc import Iterable, Iterator

from chatvlmllm.export.located import located
from chatvlmllm.export.xml import quoted
from chatvlmllm.geometry import Box
from chatvlmllm.reading import Block, Kind, Line, Reading, Word
from chatvlmllm.run import Run

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#" SCHEMAVERSION="4.4">
<Description>
<MeasurementUnit>pixel</MeasurementUnit>
<sourceImageInformation><fileName>{name}</fileName></sourceImageInformation>
<Processing ID="reading"><processingCategory>contentGeneration</processingCategory>
<processingSoftware><softwareName>chatvlmllm</softwareName>
<softwareVersion>{version}</softwareVersion></processingSoftware>
</Processing>
</Description>
<Tags>
{tags}
</Tags>
<Layout>
"""


def alto(run: Run, readings: Iterable[Reading]) -> Iterator[str]:
    """One document of all pages; text without a place stands in blocks without coordinates, tagged `unplaced`."""
    labels = [kind.value for kind in Kind] + ["unplaced"]
    tags = "\n".join(f'<LayoutTag ID="kind_{label}" LABEL="{label}"/>' for label in labels)
    version = quoted(run.environment.get("chatvlmllm", ""))
    yield _HEAD.format(name=quoted(run.document.name), version=version, tags=tags)
    for reading in readings:
        yield from _page(reading)
    yield "</Layout>\n</alto>\n"


def _page(reading: Reading) -> Iterator[str]:
    found, number = located(reading), reading.page
    size = f'WIDTH="{reading.size.width}" HEIGHT="{reading.size.height}"'
    rated = "" if reading.confidence is None else f' PC="{reading.confidence:.4f}"'
    yield f'<Page ID="page_{number}" PHYSICAL_IMG_NR="{number}" {size} PROCESSINGREFS="reading"{rated}>\n'
    yield f'<PrintSpace HPOS="0" VPOS="0" {size}>\n'
    for index, block in enumerate(found.blocks, start=1):
        yield from _block(block, f"{number}_{index}")
    for index, text in enumerate(found.unplaced, start=1):
        strings = "<SP/>".join(f'<String CONTENT="{quoted(word)}"/>' for word in text.split())
        yield f'<TextBlock ID="unplaced_{number}_{index}" TAGREFS="kind_unplaced">'
        yield f"<TextLine>{strings}</TextLine></TextBlock>\n"
    yield "</PrintSpace>\n</Page>\n"


def _block(block: Block, number: str) -> Iterator[str]:
    tag = "TextBlock" if block.lines or block.kind is not Kind.PICTURE else "Illustration"
    if block.box is None and not block.lines:
        return
    place = _place(block.box) if block.box else ""
    yield f'<{tag} ID="block_{number}" TAGREFS="kind_{block.kind.value}"{place}>\n'
    for index, line in enumerate(block.lines, start=1):
        yield _line(line, f"{number}_{index}")
    yield f"</{tag}>\n"


def _line(line: Line, number: str) -> str:
    parts: list[str] = []
    for index, word in enumerate(line.words):
        if index:
            left = line.words[index - 1].box.x2
            parts.append(f'<SP WIDTH="{max(0, round(word.box.x1 - left))}" HPOS="{round(left)}"/>')
        parts.append(_string(word))
    return f'<TextLine ID="line_{number}"{_place(line.box)}>{"".join(parts)}</TextLine>\n'


def _string(word: Word) -> str:
    rated = "" if word.confidence is None else f' WC="{word.confidence:.4f}"'
    return f'<String CONTENT="{quoted(word.text)}"{_place(word.box)}{rated}/>'


def _place(box: Box) -> str:
    x, y = round(box.x1), round(box.y1)
    return f' HPOS="{x}" VPOS="{y}" WIDTH="{round(box.x2) - x}" HEIGHT="{round(box.y2) - y}"'
