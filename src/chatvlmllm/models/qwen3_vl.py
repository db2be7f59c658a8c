"""Qwen3-VL: general vision-language models that locate what they read.

Good at: Russian and 31 other languages, tables, page layout with boxes, free questions over several turns. Cannot:
promise that small print is not guessed; the 2B loses order on dense multi-column pages. Licence Apache-2.0. The
layout, Markdown and spotting prompts are those of the project's cookbooks; boxes are 0…1000 of the image.
"""

from chatvlmllm.decode import layout, qwen_html, qwen_markdown, text
from chatvlmllm.exchange import Limits, Task
from chatvlmllm.models.card import TOO_LARGE, Checkpoint, Loaded, Model, Recipe, Served, Weights, Words, Worker
from chatvlmllm.models.images import SmartResize
from chatvlmllm.models.qwen_vl import load_sized

#: 16-pixel patches, merged 2 × 2; the bounds are the cookbooks' for documents.
_IMAGE = SmartResize(factor=32, min_pixels=512 * 32 * 32, max_pixels=2048 * 32 * 32)

_SPOTTING = (
    "Spotting all the text in the image with line-level, and output in JSON format as"
    " [{'bbox_2d': [x1, y1, x2, y2], 'text_content': 'text'}, ...]."
)

_RECIPES = {
    Task.TEXT: Recipe(decode=text.decode, prompt="Read all the text in the image.", limits=Limits(4096)),
    Task.MARKDOWN: Recipe(decode=qwen_markdown.decode, prompt="qwenvl markdown", limits=Limits(8192)),
    Task.LAYOUT: Recipe(decode=qwen_html.decode, prompt="qwenvl html", limits=Limits(8192)),
    Task.TABLE: Recipe(
        decode=text.tables,
        prompt="Convert the table in the image to HTML. Output only the table.",
        limits=Limits(4096),
    ),
    Task.FORMULA: Recipe(
        decode=text.formula,
        prompt="Write the formula in the image as LaTeX. Output only the formula.",
        limits=Limits(1024),
    ),
    Task.SPOTTING: Recipe(decode=layout.spotting(), prompt=_SPOTTING, limits=Limits(8192)),
    Task.CHAT: Recipe(decode=text.decode, limits=Limits(2048)),
}


def load(checkpoint: Checkpoint) -> Loaded:
    """Transformers' own class and processor."""
    return load_sized(checkpoint, _IMAGE)


def _model(key: str, title: str, summary: Words, cannot: Words, weights: Weights) -> Model:
    return Model(
        key=key,
        title=title,
        summary=summary,
        cannot=cannot,
        licence="Apache-2.0",
        languages=("rus", "eng", "chi", "32 in all"),
        weights=weights,
        context=262_144,
        image=_IMAGE,
        recipes=_RECIPES,
        runtimes={
            "transformers": Worker(load=load),
            "vllm": Served(
                arguments=(
                    # The full context would reserve more KV cache than a 16 GB card has.
                    "--max-model-len=16384",
                    '--limit-mm-per-prompt={"image":16,"video":0}',
                    '--mm-processor-kwargs={"min_pixels":524288,"max_pixels":2097152}',
                    "--no-enable-prefix-caching",
                    "--mm-processor-cache-gb=0",
                )
            ),
        },
        excluded={"embedded": TOO_LARGE},
    )


MODELS = (
    _model(
        "qwen3_vl_2b",
        "Qwen3-VL 2B",
        {
            "en": "general model with layout, tables and boxes, Russian included",
            "ru": "универсальная модель: разметка, таблицы и рамки, знает русский",
        },
        {
            "en": "may guess small print; loses order on dense columns",
            "ru": "может угадывать мелкий текст; путает порядок в плотных колонках",
        },
        Weights(
            repo="Qwen/Qwen3-VL-2B-Instruct",
            revision="89644892e4d85e24eaac8bacfd4f463576704203",
            parameters=2.13e9,
            bytes=4_266_648_961,
            vram=6_000_000_000,
        ),
    ),
    _model(
        "qwen3_vl_4b",
        "Qwen3-VL 4B",
        {
            "en": "the more careful one of the Qwen3-VL pair",
            "ru": "более внимательная из пары Qwen3-VL",
        },
        {
            "en": "needs a GPU of 12 GB, or int4 on 8 GB; may guess small print",
            "ru": "нужна видеокарта с 12 ГБ либо int4 на 8 ГБ; может угадывать мелкий текст",
        },
        Weights(
            repo="Qwen/Qwen3-VL-4B-Instruct",
            revision="ebb281ec70b05090aa6165b016eac8ec08e71b17",
            parameters=4_437_815_808,
            bytes=8_890_000_000,
            vram=11_000_000_000,
        ),
    ),
)
