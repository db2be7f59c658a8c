"""dots.ocr: one small model that returns the whole layout of a page as JSON.

Good at: layout, reading order, tables and formulas in about a hundred languages, Russian included. Cannot: answer
questions, read inside pictures; it repeats itself on empty table cells. Licence: MIT with the vendor's supplemental
terms. Prompts are the project's own, to the letter; boxes are pixels of the image as sent. Runs through our own
network (`networks/dots_ocr`), since the published code needs flash-attn and an old Transformers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from chatvlmllm.decode import layout, text
from chatvlmllm.exchange import Limits, Request, Task, Turn
from chatvlmllm.models import loading
from chatvlmllm.models.card import (
    TOO_LARGE,
    Checkpoint,
    Loaded,
    Model,
    Recipe,
    Served,
    Weights,
    Worker,
    conversation,
    pictures,
)
from chatvlmllm.models.images import SmartResize

_IMAGE = SmartResize(factor=28, min_pixels=3136, max_pixels=11_289_600)

_PLACEHOLDER = "<|imgpad|>"

#: Stands before every question about an image; a server that gets it as text adds nothing of its own.
PREFIX = f"<|img|>{_PLACEHOLDER}<|endofimg|>"

_CATEGORIES = (
    "['Caption', 'Footnote', 'Formula', 'List-item', 'Page-footer', 'Page-header', 'Picture', 'Section-header', "
    "'Table', 'Text', 'Title']"
)

_LAYOUT = f"""\
Please output the layout information from the PDF image, including each layout element's bbox, its category, and the \
corresponding text content within the bbox.

1. Bbox format: [x1, y1, x2, y2]

2. Layout Categories: The possible categories are {_CATEGORIES}.

3. Text Extraction & Formatting Rules:
    - Picture: For the 'Picture' category, the text field should be omitted.
    - Formula: Format its text as LaTeX.
    - Table: Format its text as HTML.
    - All Others (Text, Title, etc.): Format their text as Markdown.

4. Constraints:
    - The output text must be the original text from the image, with no translation.
    - All layout elements must be sorted according to human reading order.

5. Final Output: The entire output must be a single JSON object.
"""


def prompt(turns: Sequence[Turn]) -> str:
    """The conversation in the model's own notation, one placeholder per image."""
    parts = []
    for turn in turns:
        end = "\n" if turn.role == "system" else ""
        parts.append(f"<|{turn.role}|>{PREFIX * len(turn.images)}{turn.text}<|endof{turn.role}|>{end}")
    return "".join(parts) + "<|assistant|>"


def spread(written: str, counts: Sequence[int]) -> str:
    """Every placeholder of the prompt repeated as often as its image has tokens."""
    pieces = written.split(_PLACEHOLDER)
    repeated = [_PLACEHOLDER * count for count in counts]
    # More placeholders than images come from the user's own text; they stay single and are found out later.
    repeated += [_PLACEHOLDER] * (len(pieces) - 1 - len(repeated))
    return pieces[0] + "".join(mark + piece for mark, piece in zip(repeated, pieces[1:], strict=True))


def load(checkpoint: Checkpoint) -> Loaded:
    """Our own network over the published files; no processor class, because it needs no video."""
    from transformers import AutoTokenizer, Qwen2VLImageProcessorPil

    from chatvlmllm.models.networks import dots_ocr

    dots_ocr.register()
    network = loading.network(checkpoint, skip=("vision_tower", "lm_head"))
    vision = network.config.vision_config
    images = Qwen2VLImageProcessorPil(
        patch_size=vision.patch_size,
        temporal_patch_size=vision.temporal_patch_size,
        merge_size=vision.spatial_merge_size,
        size={"shortest_edge": _IMAGE.min_pixels, "longest_edge": _IMAGE.max_pixels},
    )
    tokenizer = AutoTokenizer.from_pretrained(checkpoint.folder, local_files_only=True)

    def encode(request: Request) -> Mapping[str, Any]:
        turns = conversation(request)
        shown = pictures(turns)
        seen = images(images=shown, return_tensors="pt") if shown else {}
        grids = seen["image_grid_thw"] if shown else []
        counts = [int(grid.prod()) // vision.spatial_merge_size**2 for grid in grids]
        return {**tokenizer(spread(prompt(turns), counts), return_tensors="pt", add_special_tokens=False), **seen}

    return Loaded(
        network=network,
        tokenizer=tokenizer,
        encode=encode,
        stops=loading.known_tokens(tokenizer, "<|endofassistant|>", "<|endoftext|>"),
        image_token=loading.token(tokenizer, _PLACEHOLDER),
    )


MODELS = (
    Model(
        key="dots_ocr",
        title="dots.ocr",
        summary={
            "en": "whole page layout with text, tables and formulas in one pass",
            "ru": "вся разметка страницы с текстом, таблицами и формулами за один проход",
        },
        cannot={
            "en": "no questions, no text inside pictures; headers are left out of plain text; repeats on empty tables",
            "ru": "не отвечает на вопросы, не читает внутри картинок; колонтитулы не входят в простой текст",
        },
        licence="MIT + dots.ocr supplemental terms",
        languages=("rus", "eng", "chi", "about 100"),
        weights=Weights(
            repo="rednote-hilab/dots.ocr",
            revision="c0111ce6bc07803dbc267932ffef0ae3a51dc951",
            parameters=3.04e9,
            bytes=6_080_000_000,
            vram=9_000_000_000,
        ),
        context=131_072,
        image=_IMAGE,
        recipes={
            Task.TEXT: Recipe(
                decode=text.decode, prompt="Extract the text content from this image.", limits=Limits(8192)
            ),
            Task.MARKDOWN: Recipe(decode=layout.dots(), prompt=_LAYOUT, limits=Limits(16_384)),
            Task.LAYOUT: Recipe(decode=layout.dots(), prompt=_LAYOUT, limits=Limits(16_384)),
            Task.TABLE: Recipe(
                decode=text.tables, prompt="Convert the table in this image to HTML.", limits=Limits(8192)
            ),
            Task.FORMULA: Recipe(
                decode=text.formula, prompt="Convert the formula in this image to LaTeX.", limits=Limits(2048)
            ),
        },
        runtimes={
            "transformers": Worker(load=load, attention=("sdpa", "eager")),
            "vllm": Served(
                arguments=(
                    "--trust-remote-code",
                    "--chat-template-content-format=string",
                    "--max-model-len=32768",
                    '--limit-mm-per-prompt={"image":1,"video":0}',
                    "--no-enable-prefix-caching",
                    "--max-num-batched-tokens=16384",
                ),
                prefix=PREFIX,
            ),
        },
        excluded={"embedded": TOO_LARGE},
    ),
)
