"""The line reader on lines drawn here, in a font that most systems have."""

import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from chatvlmllm.page.read import LONGEST, LineReader

pytest.importorskip("onnxruntime")

FONTS = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationSerif-Regular.ttf",
    "/usr/share/fonts/truetype/liberation2/LiberationSerif-Regular.ttf",
)
LINES = (
    "Счёт на оплату № 147 от 12.03.2024 г.",
    "ИНН 7701234567 КПП 770101001",
    "Итого к оплате: 1 234 567,89 руб.",
    "Настоящий договор вступает в силу",
    "Їжак з'їв яблуко",
    "Invoice number 2024/118",
)


def drawn(text: str, size: int = 32) -> NDArray[np.uint8]:
    """Black on white, with the margins of a detector."""
    path = next((p for p in FONTS if Path(p).exists()), None)
    if path is None:
        pytest.skip("no TrueType font with Cyrillic letters on this machine")
    font = ImageFont.truetype(path, size)
    left, top, right, bottom = font.getbbox(text)
    margin = size // 5
    image = Image.new("RGB", (round(right - left) + 2 * margin, round(bottom - top) + 2 * margin), "white")
    ImageDraw.Draw(image).text((margin - left, margin - top), text, fill="black", font=font)
    return np.asarray(image)


@pytest.fixture(scope="module")
def reader() -> LineReader:
    return LineReader(threads=1)


def test_clean_print_is_read_to_the_letter(reader: LineReader) -> None:
    """Six clean lines of ordinary papers come back as they were drawn."""
    said = [r.text for r in reader.read([drawn(t) for t in LINES])]
    assert said == list(LINES)


@pytest.mark.parametrize("size", [14, 20, 60, 120])
def test_size_does_not_matter(reader: LineReader, size: int) -> None:
    """Small and large print reads alike."""
    assert reader.read([drawn("Платёжное поручение", size)])[0].text == "Платёжное поручение"


def test_the_alphabet_follows_the_context(reader: LineReader) -> None:
    """Letters that look alike are Cyrillic in a Russian word and Latin in an English one."""
    russian, english = reader.read([drawn("ВЕСНА В ТОМСКЕ"), drawn("HOME PAGE EXPORT")])
    assert russian.text == "ВЕСНА В ТОМСКЕ"
    assert english.text == "HOME PAGE EXPORT"


def test_inverse_print_is_read(reader: LineReader) -> None:
    """White letters on black are letters too."""
    assert reader.read([255 - drawn("Главный бухгалтер")])[0].text == "Главный бухгалтер"


@pytest.mark.parametrize(
    "shape", [(0, 0), (0, 40), (40, 0), (1, 1), (1, 120), (500, 1), (3, 2), (2000, 30), (16, 3000), (48, 5)]
)
def test_no_shape_is_too_odd(reader: LineReader, shape: tuple[int, int]) -> None:
    """Empty, one-pixel, very tall and very wide crops give a reading, not an error."""
    noise = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
    blank = np.full((*shape, 3), 255, np.uint8)
    for reading in reader.read([noise, blank]):
        assert 0.0 <= reading.confidence <= 1.0
        assert reading.text == "".join(c.text for c in reading.characters)


def test_no_lines_no_readings(reader: LineReader) -> None:
    """Nothing to read is nothing read."""
    assert reader.read([]) == []


def test_blank_paper_says_nothing(reader: LineReader) -> None:
    """White paper reads as an empty line that claims no confidence."""
    (reading,) = reader.read([np.full((40, 300, 3), 255, np.uint8)])
    assert (reading.text, reading.confidence, reading.characters) == ("", 0.0, ())


def test_neighbours_in_a_batch_do_not_matter(reader: LineReader) -> None:
    """A line reads the same alone, among others, and in any order."""
    crops = [drawn(t) for t in LINES]
    alone = [reader.read([c])[0] for c in crops]
    together, backwards = reader.read(crops), reader.read(crops[::-1])[::-1]
    for one, two, three in zip(alone, together, backwards, strict=True):
        assert one.text == two.text == three.text
        assert one.confidence == pytest.approx(two.confidence, abs=1e-3)
        assert one.confidence == pytest.approx(three.confidence, abs=1e-3)


def test_words_lie_in_order_inside_the_crop(reader: LineReader) -> None:
    """Words go from left to right, do not overlap, and stay inside the crop."""
    crop = drawn("один два три четыре пять")
    (reading,) = reader.read([crop])
    assert [w.text for w in reading.words] == ["один", "два", "три", "четыре", "пять"]
    edges = [x for w in reading.words for x in (w.left, w.right)]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= crop.shape[1]


def test_words_lie_on_their_ink(reader: LineReader) -> None:
    """Between two words there is a column without ink, and each word's range holds its ink."""
    crop = drawn("начало конец", 40)
    ink = np.flatnonzero((crop < 128).any(axis=(0, 2)))
    gap = int(np.argmax(np.diff(ink)))
    first, second = reader.read([crop])[0].words
    assert first.right == pytest.approx(ink[gap], abs=14)
    assert second.left == pytest.approx(ink[gap + 1], abs=14)
    assert first.left == pytest.approx(ink[0], abs=14)
    assert second.right == pytest.approx(ink[-1], abs=14)


def test_clean_print_is_surer_than_noise(reader: LineReader) -> None:
    """Confidence falls when the print is drowned in noise."""
    crop = drawn("Товарная накладная")
    noise = np.random.default_rng(3).normal(0, 110, crop.shape)
    spoilt = np.clip(crop + noise, 0, 255).astype(np.uint8)
    clean, noisy = reader.read([crop, spoilt])
    assert clean.confidence > 0.9
    assert noisy.confidence < clean.confidence


def test_a_very_long_line_is_read_whole(reader: LineReader) -> None:
    """A line longer than one piece comes back complete, with places that keep rising."""
    text = " ".join(["договор поставки номер семь"] * 8)
    crop = drawn(text, 40)
    assert crop.shape[1] * 48 / crop.shape[0] > LONGEST
    (reading,) = reader.read([crop])
    assert reading.text.replace(" ", "") == text.replace(" ", "")
    lefts = [c.left for c in reading.characters]
    assert lefts == sorted(lefts)


def test_grey_crops_are_welcome(reader: LineReader) -> None:
    """A crop without colour planes reads like its colour twin."""
    crop = drawn("Акт сверки")
    assert reader.read([crop[:, :, 0]])[0].text == reader.read([crop])[0].text


def test_threads_share_one_reader(reader: LineReader) -> None:
    """Four threads reading through one object get what one thread gets."""
    crops = [drawn(t) for t in LINES]
    expected = [r.text for r in reader.read(crops)]
    found: list[list[str]] = []
    workers = [threading.Thread(target=lambda: found.append([r.text for r in reader.read(crops)])) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert found == [expected] * 4
