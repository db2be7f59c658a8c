"""Every documented form of output, recorded beside what it must be read as (`tests/recordings/dialects`).

The replies are invented specimens.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from chatvlmllm.decode import Decoded
from chatvlmllm.geometry import Size
from chatvlmllm.reading import Block
from tests.decode.support import DIALECTS, RECORDINGS, answer, ask, assert_sound

PAGE = Size(1000, 1400)


def outline(decoded: Decoded) -> dict[str, Any]:
    """A decoded reply as JSON that a person can check."""
    notices = [{"code": n.code, **n.details} for n in decoded.notices]
    return {"blocks": [_block(block) for block in decoded.blocks], "notices": notices}


def _block(block: Block) -> dict[str, Any]:
    shown: dict[str, Any] = {"kind": block.kind.value, "format": block.format.value, "text": block.text}
    if block.box:
        shown["box"] = [block.box.x1, block.box.y1, block.box.x2, block.box.y2]
    if block.level:
        shown["level"] = block.level
    if block.table:
        shown["table"] = [
            f"{c.row},{c.column} {c.rows}x{c.columns}{' header' if c.header else ''}: {c.text}"
            for c in block.table.cells
        ]
    return shown


def recorded() -> list[Path]:
    return sorted(RECORDINGS.glob("*/*.txt"))


@pytest.mark.parametrize("path", recorded(), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_recorded_replies_are_read_as_agreed(
    path: Path,
) -> None:
    """Each recorded reply gives exactly the blocks, boxes, grids and notices that stand beside it."""
    raw = path.read_text(encoding="utf-8")
    decoded = DIALECTS[path.parent.name](answer(raw), ask(PAGE))
    assert outline(decoded) == json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert_sound(decoded, raw, PAGE)


def test_every_dialect_has_a_recording() -> None:
    """No dialect goes without a golden file."""
    assert {path.parent.name for path in recorded()} == set(DIALECTS)
