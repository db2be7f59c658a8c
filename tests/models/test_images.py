"""Image rules: every page size fits, boxes come back, and the cost is what the processors say."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from chatvlmllm import models
from chatvlmllm.decode.boxes import below_thousand, pixels, place, thousand, to_grid
from chatvlmllm.decode.tally import Tally
from chatvlmllm.errors import TooLong
from chatvlmllm.exchange import Request, Task
from chatvlmllm.geometry import Box, Size, whole
from chatvlmllm.models.card import Sizing, Worker
from chatvlmllm.models.images import Patches, PhiCrops, SmartResize, Tiles
from chatvlmllm.prepare import fit, room

NETWORKS = {key: model for key, model in models.catalogue().items() if model.weights is not None}

#: The grid in which each family counts its boxes; GOT and Phi locate nothing but GOT takes boxes.
GRIDS = {
    "deepseek_ocr": below_thousand, "deepseek_ocr_2": below_thousand, "dots_ocr": pixels, "got_ocr_hf": thousand,
    "got_ocr_ucas": thousand, "paddleocr_vl": thousand, "phi3_vision": thousand, "phi4_multimodal": thousand,
    "qwen3_vl_2b": thousand, "qwen3_vl_4b": thousand, "qwen_vl_2b": thousand,
}  # fmt: skip

sizes = st.builds(Size, st.integers(1, 12_000), st.integers(1, 12_000))


@st.composite
def pages_with_boxes(draw: st.DrawFn) -> tuple[Size, Box]:
    """Any page, and any box of at least a pixel on it."""
    page = draw(sizes)
    x1, y1 = draw(st.integers(0, page.width - 1)), draw(st.integers(0, page.height - 1))
    return page, Box(x1, y1, draw(st.integers(x1 + 1, page.width)), draw(st.integers(y1 + 1, page.height)))


def _request(page: Size, sent: Size) -> Request:
    class Sent:
        size = (sent.width, sent.height)

    return Request(model="any", task=Task.LAYOUT, page=page, region=whole(page), image=Sent())  # type: ignore[arg-type]


def test_every_network_is_covered() -> None:
    """Each model with weights says in which grid it counts."""
    assert set(GRIDS) == set(NETWORKS)


@pytest.mark.parametrize("key", NETWORKS)
@given(case=pages_with_boxes())
def test_t32_boxes_come_back_within_a_pixel(key: str, case: tuple[Size, Box]) -> None:
    """Page → the model's grid → page moves no corner by more than one pixel, for any page size."""
    page, box = case
    request = _request(page, NETWORKS[key].image.fit(page))
    inside = to_grid(box, GRIDS[key], request)
    tally = Tally()
    back = place((inside.x1, inside.y1, inside.x2, inside.y2), GRIDS[key], request, tally)
    assert back is not None
    assert tally.notices() == ()
    worst = max(abs(a - b) for a, b in zip(_corners(box), _corners(back), strict=True))
    assert worst <= 1


def _corners(box: Box) -> tuple[float, float, float, float]:
    return box.x1, box.y1, box.x2, box.y2


@given(case=pages_with_boxes())
def test_whole_pixels_of_the_sent_image_cost_at_most_their_size(case: tuple[Size, Box]) -> None:
    """A model that answers in whole pixels of the sent image is off by at most half of such a pixel on the page."""
    page, box = case
    sent = NETWORKS["dots_ocr"].image.fit(page)
    request = _request(page, sent)
    inside = to_grid(box, pixels, request)
    rounded = Box(*(float(round(value)) for value in _corners(inside)))
    if rounded.empty:
        return
    back = request.to_page(rounded)
    assert abs(back.x1 - box.x1) <= 0.5 * page.width / sent.width + 0.02
    assert abs(back.y2 - box.y2) <= 0.5 * page.height / sent.height + 0.02


@pytest.mark.parametrize("key", NETWORKS)
@given(size=sizes)
def test_fitting_twice_changes_nothing(key: str, size: Size) -> None:
    """What was fitted is already in the model's own size, and costs at least one token."""
    rule = NETWORKS[key].image
    sent = rule.fit(size)
    assert rule.fit(sent) == sent
    assert rule.tokens(sent) >= 1


SMART = {key: model.image for key, model in NETWORKS.items() if isinstance(model.image, SmartResize)}


@pytest.mark.parametrize("key", SMART)
@given(size=sizes, room=st.integers(1, 20_000))
def test_a_smart_size_is_one_that_the_model_accepts(key: str, size: Size, room: int) -> None:
    """Sides are multiples of the factor, the area is in the model's range, no strip is too long, and room is kept."""
    rule = SMART[key]
    for sent in (rule.fit(size), rule.fit(size, room)):
        assert sent.width % rule.factor == sent.height % rule.factor == 0
        assert rule.min_pixels <= sent.area <= rule.max_pixels
        assert max(sent.width, sent.height) / min(sent.width, sent.height) <= 200
    least = rule.min_pixels // rule.factor**2
    if room > 2 * least + 200:
        assert rule.tokens(rule.fit(size, room)) <= room


@pytest.mark.parametrize("rule", [Tiles(256, 768, 144, 2, 6), Patches(1024, 256, 12)], ids=repr)
@given(size=sizes)
def test_room_is_never_made_worse(rule: Sizing, size: Size) -> None:
    """Less room never gives a dearer image."""
    costs = [rule.tokens(rule.fit(size, room)) for room in (100_000, 1500, 600)]
    assert costs == sorted(costs, reverse=True)


def test_known_token_counts() -> None:
    """Counts that were observed on the real models: 800 × 600 in dots.ocr, A4 at 200 dpi, Phi's crops."""
    assert NETWORKS["dots_ocr"].image.tokens(NETWORKS["dots_ocr"].image.fit(Size(800, 600))) == 29 * 21
    a4 = NETWORKS["dots_ocr"].image.fit(Size(1654, 2339))
    assert NETWORKS["dots_ocr"].image.tokens(a4) == 59 * 84
    assert PhiCrops(4).tokens(Size(672, 672)) == 757
    assert Tiles(256, 768, 144, 2, 6).tokens(Size(700, 700)) == 257


@given(size=st.builds(Size, st.integers(28, 4000), st.integers(28, 4000)))
def test_the_smart_rule_is_transformers_own(size: Size) -> None:
    """For pages that the processors accept, our size is theirs: Qwen2-VL, Qwen3-VL, dots.ocr and PaddleOCR-VL."""
    pytest.importorskip("torch")
    from transformers.models.paddleocr_vl.image_processing_paddleocr_vl import smart_resize as paddle
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize as qwen

    if max(size.width, size.height) > 50 * min(size.width, size.height):
        return
    for key, theirs in (("qwen_vl_2b", qwen), ("qwen3_vl_2b", qwen), ("dots_ocr", qwen), ("paddleocr_vl", paddle)):
        rule = SMART[key]
        height, width = theirs(size.height, size.width, rule.factor, rule.min_pixels, rule.max_pixels)
        assert rule.fit(size) == Size(width, height), key


@pytest.mark.parametrize("size", [Size(900, 700), Size(1500, 500), Size(400, 1900), Size(448, 448)], ids=str)
def test_crops_cost_what_the_processors_count(size: Size) -> None:
    """Tokens of tiled models equal those that Transformers' processors count."""
    pytest.importorskip("torch")
    from transformers import DeepseekOcr2ImageProcessor, GotOcr2ImageProcessor, Phi4MultimodalImageProcessor

    image = Image.new("RGB", (size.width, size.height))
    phi4 = Phi4MultimodalImageProcessor()([image], return_tensors="pt")
    assert int(phi4["num_img_tokens"][0]) == NETWORKS["phi4_multimodal"].image.tokens(size)
    deepseek = DeepseekOcr2ImageProcessor()([image], return_tensors="pt")
    assert 257 + 144 * int(deepseek["num_local_patches"][0]) == NETWORKS["deepseek_ocr_2"].image.tokens(size)
    got = GotOcr2ImageProcessor(size={"height": 1024, "width": 1024})
    views = got.get_number_of_image_patches(size.height, size.width, {"crop_to_patches": True})
    assert NETWORKS["got_ocr_hf"].tiled.tokens(size) == 256 * views  # type: ignore[union-attr]


WORKERS = [model for model in NETWORKS.values() if isinstance(model.runtimes.get("transformers"), Worker)]


@pytest.mark.parametrize("model", WORKERS, ids=lambda model: model.key)
def test_boxes_of_recipes_use_the_declared_grid(model: models.card.Model) -> None:
    """A reply that locates the whole page in the declared grid decodes to the whole page."""
    forms: dict[Task, Callable[[Size], str]] = {
        Task.LAYOUT: lambda g: _layout(model.key, g),
        Task.SPOTTING: lambda g: _spotting(model.key, g),
    }
    page = Size(1000, 1400)
    request = _request(page, model.image.fit(page))
    from chatvlmllm.exchange import Reply, Stop

    for task, form in forms.items():
        if task in model.recipes:
            text = form(GRIDS[model.key](request.sent))
            reply = Reply(text=text, stop=Stop.END, model=model.key, engine="x", device="cpu")
            boxes = [block.box for block in model.recipes[task].decode(reply, request).blocks if block.box]
            assert boxes == [Box(0, 0, 1000, 1400)], (task, text)


def _layout(key: str, grid: Size) -> str:
    if re.match("dots", key):
        return f'[{{"bbox": [0, 0, {grid.width}, {grid.height}], "category": "Text", "text": "all"}}]'
    if re.match("deepseek", key):
        return f"<|ref|>text<|/ref|><|det|>[[0, 0, {grid.width}, {grid.height}]]<|/det|>\nall"
    return f'<p data-bbox="0 0 {grid.width} {grid.height}">all</p>'


def _spotting(key: str, grid: Size) -> str:
    if key == "qwen_vl_2b":
        return f"<|object_ref_start|>all<|object_ref_end|><|box_start|>(0,0),({grid.width},{grid.height})<|box_end|>"
    if re.match("deepseek", key):
        return f"<|ref|>all<|/ref|><|det|>[[0, 0, {grid.width}, {grid.height}]]<|/det|>"
    return f'[{{"bbox_2d": [0, 0, {grid.width}, {grid.height}], "text_content": "all"}}]'


@pytest.mark.parametrize("context", [100, 4096, 4300])
def test_a_context_below_the_reply_is_too_long_not_a_crash(context: int) -> None:
    """Where the reply alone needs more than the context, the page is refused by name."""
    model = models.find("qwen_vl_2b")
    tokens = room(model.recipes[Task.TEXT], context)
    with pytest.raises(TooLong):
        fit(Size(1654, 2339), model, {}, tokens)
