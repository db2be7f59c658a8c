"""Qwen2-VL: a general vision-language model of the first generation that reads documents well.

Good at: clean printed pages in European languages and Chinese, free questions, simple tables. Cannot: give a layout,
read long dense pages without losing lines. Licence Apache-2.0. Prompts are our own; boxes follow the model card's
notation: 0…1000 of the image, in `<|box_start|>` tokens.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chatvlmllm.decode import grounding, markdown, text
from chatvlmllm.exchange import Limits, Request, Task
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
)
from chatvlmllm.models.images import SmartResize

#: 14-pixel patches, merged 2 × 2. Small crops are enlarged; 2 MP are enough for a printed page.
_IMAGE = SmartResize(factor=28, min_pixels=256 * 28 * 28, max_pixels=2560 * 28 * 28)

_TEXT = "Read all the text in the image. Output only the text, preserving line breaks."
_MARKDOWN = (
    "Convert the document in the image to Markdown. Keep headings, lists and the reading order, write tables as HTML"
    " and formulas as LaTeX. Output only the document."
)
_TABLE = "Convert the table in the image to HTML. Output only the table."
_FORMULA = "Write the formula in the image as LaTeX. Output only the formula."
_SPOTTING = "Detect every line of text in the image and output its text with its bounding box."


def load(checkpoint: Checkpoint) -> Loaded:
    """Transformers' own class and processor; boxes are among the special tokens, so these stay in the text."""
    return replace(load_sized(checkpoint, _IMAGE), special=True)


def load_sized(checkpoint: Checkpoint, image: SmartResize) -> Loaded:
    """A Qwen-VL checkpoint of any generation, its processor held to the card's image sizes."""
    network = loading.network(checkpoint, skip=("visual", "lm_head"))
    processor = loading.processor(checkpoint)
    processor.image_processor.size = {"shortest_edge": image.min_pixels, "longest_edge": image.max_pixels}

    def encode(request: Request) -> Mapping[str, Any]:
        return loading.chat(processor, conversation(request))

    tokenizer = processor.tokenizer
    return Loaded(
        network=network,
        tokenizer=tokenizer,
        encode=encode,
        stops=loading.known_tokens(tokenizer, "<|im_end|>", "<|endoftext|>"),
        image_token=loading.token(tokenizer, "<|image_pad|>"),
    )


MODELS = (
    Model(
        key="qwen_vl_2b",
        title="Qwen2-VL 2B",
        summary={
            "en": "small general model; text, Markdown, tables and questions",
            "ru": "небольшая универсальная модель; текст, Markdown, таблицы и вопросы",
        },
        cannot={
            "en": "no page layout; loses lines on dense pages; weak at handwriting",
            "ru": "не даёт разметку страницы; теряет строки на плотных страницах; слаба в рукописном",
        },
        licence="Apache-2.0",
        languages=("rus", "eng", "chi", "most European", "jpn", "kor", "ara", "vie"),
        weights=Weights(
            repo="Qwen/Qwen2-VL-2B-Instruct",
            revision="895c3a49bc3fa70a340399125c650a463535e71c",
            parameters=2.21e9,
            bytes=4_430_000_000,
            vram=6_000_000_000,
        ),
        context=32_768,
        image=_IMAGE,
        recipes={
            Task.TEXT: Recipe(decode=text.decode, prompt=_TEXT, limits=Limits(4096)),
            Task.MARKDOWN: Recipe(decode=markdown.decode, prompt=_MARKDOWN, limits=Limits(4096)),
            Task.TABLE: Recipe(decode=text.tables, prompt=_TABLE, limits=Limits(4096)),
            Task.FORMULA: Recipe(decode=text.formula, prompt=_FORMULA, limits=Limits(1024)),
            Task.SPOTTING: Recipe(decode=grounding.spans(), prompt=_SPOTTING, limits=Limits(4096)),
            Task.CHAT: Recipe(decode=text.decode, limits=Limits(2048)),
        },
        runtimes={
            "transformers": Worker(load=load),
            "vllm": Served(
                arguments=(
                    "--max-model-len=16384",
                    '--limit-mm-per-prompt={"image":16,"video":0}',
                    '--mm-processor-kwargs={"min_pixels":200704,"max_pixels":2007040}',
                    "--no-enable-prefix-caching",
                ),
                body={"skip_special_tokens": False},
            ),
        },
        excluded={"embedded": TOO_LARGE},
    ),
)
