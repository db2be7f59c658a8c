"""The whole page reader with a witness that only counts: nothing lost, nothing outside, nothing raised."""

from collections.abc import Iterator

import numpy as np
import pytest

from chatvlmllm.decode import records
from chatvlmllm.exchange import Reply, Request, Stop, Task
from chatvlmllm.geometry import Box, Size, whole
from chatvlmllm.page import straighten
from chatvlmllm.page.detect import Detector, strips_of
from chatvlmllm.page.understand import Found, Steps, Understanding
from chatvlmllm.reading import Block

from .drawing import LINES, Echo, Sheet, prose


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


def _words(found: list[Found]) -> Iterator[tuple[str, Box]]:
    for part in found:
        lines = part.block.lines or [line for inside in part.cells.values() for line in inside]
        for line in lines:
            yield from ((word.text, word.box) for word in line.words)


def _page() -> np.ndarray:
    sheet = Sheet().text(300, 60, "A heading", 40)
    for number, line in enumerate(LINES):
        sheet.text(120, 160 + 50 * number, line)
    sheet.table(120, 480, [80, 300, 150], [["No", "Name", "Price"], ["1", "Apple pie", "100"], ["2", "Bread", "30"]])
    return sheet.pixels()


def test_every_detected_line_comes_out_exactly_once(detector: Detector) -> None:
    """What the witness said of each crop is in the blocks once."""
    echo = Echo()
    found = Understanding(detector, [echo]).read(_page(), Steps(turn=False))
    said = sorted(text for text, _ in _words(found))
    assert len(said) == len(set(said))
    assert len(said) >= len(LINES) + 9 + 1


def test_boxes_lie_inside_the_page(detector: Detector) -> None:
    """Also after turning and levelling."""
    page = straighten.levelled(straighten.turned(_page(), 1).image, 2.0).image
    found = Understanding(detector, [Echo()]).read(page)
    assert found
    for part in found:
        for box in [box for _, box in _words([part])] + [part.block.box or Box(0, 0, 1, 1)]:
            assert box.x1 >= 0
            assert box.y1 >= 0
            assert box.x2 <= page.shape[1]
            assert box.y2 <= page.shape[0]


@pytest.mark.parametrize("quarters", [1, 3])
def test_a_page_on_its_side_gives_lines_of_the_same_number(detector: Detector, quarters: int) -> None:
    """Turned by a quarter the same lines are found, at their turned places."""
    upright = Understanding(detector, [Echo()]).read(prose())
    turned = Understanding(detector, [Echo()]).read(straighten.turned(prose(), quarters).image)
    assert len(list(_words(turned))) == len(list(_words(upright))) == len(LINES)


def test_a_blank_page_has_no_blocks(detector: Detector) -> None:
    """White, grey and black pages alike."""
    for value in (255, 128, 0):
        assert Understanding(detector, [Echo()]).read(np.full((800, 600, 3), value, np.uint8)) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (7, 900), (2000, 12), (33, 33)])
def test_t55_images_of_any_shape_are_read(detector: Detector, shape: tuple[int, int]) -> None:
    """One pixel, one row, one column: no error, whatever the noise on them."""
    noise = np.random.default_rng(7).integers(0, 256, (*shape, 3), dtype=np.uint8)
    Understanding(detector, [Echo()]).read(noise)


def test_noise_is_no_error(detector: Detector) -> None:
    """A page of noise may give anything, but it gives it."""
    noise = np.random.default_rng(3).integers(0, 256, (500, 400, 3), dtype=np.uint8)
    Understanding(detector, [Echo()]).read(noise)


def test_a_map_of_noise_gives_a_bounded_number_of_strips() -> None:
    """The detector's worst map does not make thousands of crops of a pixel."""
    chances = np.random.default_rng(1).random((640, 640), dtype=np.float32)
    assert len(strips_of(chances, 1.0, 1.0)) <= 3000


def test_records_carry_blocks_headings_and_tables(detector: Detector) -> None:
    """What is encoded is what is decoded: kinds, levels, grids, cells, words and boxes."""
    page = _page()
    found = Understanding(detector, [Echo()]).read(page)
    text = "".join(records.encode_block(number, part.block, part.cells) for number, part in enumerate(found))
    size = Size(page.shape[1], page.shape[0])
    request = Request(model="embedded", task=Task.TEXT, page=size, region=whole(size))
    reply = Reply(text=text, stop=Stop.END, model="embedded", engine="embedded", device="cpu")
    blocks: tuple[Block, ...] = records.decode(reply, request).blocks
    assert [(b.kind, b.level) for b in blocks] == [(f.block.kind, f.block.level) for f in found]
    (table,) = [b.table for b in blocks if b.table]
    assert (table.rows, table.columns) == (3, 3)
    assert sum(len(b.lines) for b in blocks) == len([line for line in text.splitlines() if '"words"' in line]) + sum(
        bool(cell.text) for cell in table.cells
    )
    assert all(cell.box is not None for cell in table.cells)
