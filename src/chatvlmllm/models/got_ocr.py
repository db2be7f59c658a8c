"""GOT-OCR 2.0: a half-billion network that does nothing but OCR.

Good at: English and Chinese pages, formulas, tables as LaTeX, sheet music; small and quick. Cannot: read Russian (it
writes Latin look-alikes), locate text, answer questions. Weights Apache-2.0, training data CC-BY-NC. Prompts are
built by the model's own processor from the options `format`, `box`, `color` and `crop`.

`got_ocr_ucas` is the same network under the key and with the options of its first publication, whose code does not
run on Transformers 5: `ocr_type`, `ocr_box`, `ocr_color`, and `chat_crop`.
"""

from collections.abc import Mapping
from typing import Any

from chatvlmllm.decode import markdown, text
from chatvlmllm.decode.boxes import numbers
from chatvlmllm.errors import UnknownOption
from chatvlmllm.exchange import Limits, Request, Task
from chatvlmllm.geometry import Box, whole
from chatvlmllm.models import loading
from chatvlmllm.models.card import TOO_LARGE, Checkpoint, Loaded, Model, Recipe, Weights, Words, Worker
from chatvlmllm.models.images import Patches, Square

_VIEW = Square(side=1024, view_tokens=256)
_VIEWS = Patches(side=1024, view_tokens=256, most=12)
_OPTIONS = ("format", "box", "color", "crop")


def load(checkpoint: Checkpoint) -> Loaded:
    """Transformers' own class and processor."""
    network = loading.network(checkpoint, skip=("vision_tower", "multi_modal_projector", "lm_head"))
    processor = loading.processor(checkpoint)

    def encode(request: Request) -> Mapping[str, Any]:
        inputs = dict(processor(request.image, return_tensors="pt", **arguments(request)))
        # The number of views was needed for the prompt only; the network does not take it.
        inputs.pop("num_patches", None)
        return inputs

    tokenizer = processor.tokenizer
    return Loaded(
        network=network,
        tokenizer=tokenizer,
        encode=encode,
        stops=loading.known_tokens(tokenizer, "<|im_end|>", "<|endoftext|>"),
        image_token=loading.token(tokenizer, "<imgpad>"),
    )


def arguments(request: Request) -> dict[str, Any]:
    """The processor's arguments for a request; a box is moved from the page to the image as sent.

    The processor overwrites the box that it is given, so it always gets a list of its own.
    """
    options = request.options
    wanted: dict[str, Any] = {"format": bool(options.get("format")), "crop_to_patches": bool(options.get("crop"))}
    if options.get("box"):
        box, sent = Box(*_four(options["box"])), request.sent
        moved = Box(
            box.x1 - request.region.x1,
            box.y1 - request.region.y1,
            box.x2 - request.region.x1,
            box.y2 - request.region.y1,
        ).clip(request.page)
        scale = whole(sent)
        sx, sy = scale.width / request.region.width, scale.height / request.region.height
        wanted["box"] = [moved.x1 * sx, moved.y1 * sy, moved.x2 * sx, moved.y2 * sy]
    if options.get("color"):
        wanted["color"] = str(options["color"])
    return wanted


def _four(box: object) -> list[float]:
    """Four numbers from a list, or from text such as "[10, 20, 30, 40]"."""
    found = numbers(box if isinstance(box, str) else str(list(box)))  # type: ignore[call-overload]
    if len(found) != 4:
        raise UnknownOption(model="GOT-OCR", option=f"box = {box}", known="box: [x1, y1, x2, y2]")
    return found


def translate(options: Mapping[str, object]) -> Mapping[str, object]:
    """Options of the first publication in today's names; today's names pass unchanged."""
    renamed = {"ocr_box": "box", "ocr_color": "color", "chat_crop": "crop"}
    found = {renamed.get(name, name): value for name, value in options.items() if name != "ocr_type"}
    if "ocr_type" in options:
        found["format"] = options["ocr_type"] == "format"
    return found


def _model(key: str, title: str, summary: Words, options: tuple[str, ...]) -> Model:
    formatted = {"format": True}
    return Model(
        key=key,
        title=title,
        summary=summary,
        cannot={
            "en": "no Russian (Latin look-alikes come out), no boxes, no questions",
            "ru": "не знает русского (выдаёт похожие латинские буквы), не даёт рамок, не отвечает на вопросы",
        },
        licence="Apache-2.0 (training data CC-BY-NC)",
        languages=("eng", "chi"),
        weights=Weights(
            repo="stepfun-ai/GOT-OCR-2.0-hf",
            revision="d3017ef2c2c1395888c8d635c5e0508bcb0ac78d",
            parameters=716e6,
            bytes=1_440_000_000,
            vram=3_500_000_000,
        ),
        # The configuration says 32 768; it was trained on 8 192.
        context=8192,
        image=_VIEW,
        tiled=_VIEWS,
        options=options,
        translate=translate,
        recipes={
            Task.TEXT: Recipe(decode=text.decode, limits=Limits(4096)),
            Task.MARKDOWN: Recipe(decode=markdown.decode, limits=Limits(4096), options=formatted),
            Task.TABLE: Recipe(decode=text.tables, limits=Limits(4096), options=formatted),
            Task.FORMULA: Recipe(decode=text.formula, limits=Limits(1024), options=formatted),
        },
        runtimes={"transformers": Worker(load=load, attention=("eager",), half=True)},
        excluded={
            "embedded": TOO_LARGE,
            "vllm": {
                "en": "vLLM has no class for this architecture, and its Transformers backend cannot serve it",
                "ru": "в vLLM нет такой архитектуры, и через Transformers он её не обслуживает",
            },
        },
    )


MODELS = (
    _model(
        "got_ocr_hf",
        "GOT-OCR 2.0",
        {
            "en": "small OCR network for English and Chinese, formulas and tables as LaTeX",
            "ru": "небольшая OCR-сеть для английского и китайского, формулы и таблицы в LaTeX",
        },
        _OPTIONS,
    ),
    _model(
        "got_ocr_ucas",
        "GOT-OCR 2.0 (UCAS)",
        {
            "en": "the same network with the options of its first publication",
            "ru": "та же сеть с параметрами первой публикации",
        },
        (*_OPTIONS, "ocr_type", "ocr_box", "ocr_color", "chat_crop"),
    ),
)
