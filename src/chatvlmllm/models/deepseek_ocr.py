"""DeepSeek-OCR (v1): pages as Markdown with located blocks; runs in vLLM only.

Good at: dense pages, tables, about a hundred languages. Cannot: run through Transformers here: the published code
imports classes that were removed in 4.48, evaluates its own output as Python, and prints its answer instead of
returning it. Licence MIT. Prompts are the model card's; boxes are 0…999 of the page. `deepseek_ocr_2` is the
successor that runs natively.
"""

from chatvlmllm.decode import grounding, markdown, text
from chatvlmllm.exchange import Limits, Task
from chatvlmllm.models.card import TOO_LARGE, Model, Recipe, Served, Weights
from chatvlmllm.models.images import Tiles

_MARKDOWN = "<|grounding|>Convert the document to markdown."
_SPOTTING = "<|grounding|>OCR this image."

MODELS = (
    Model(
        key="deepseek_ocr",
        title="DeepSeek-OCR",
        summary={
            "en": "pages to Markdown with located blocks, through vLLM",
            "ru": "страницы в Markdown с рамками блоков, через vLLM",
        },
        cannot={
            "en": "only through vLLM; no conversation; page and reply share 8 192 tokens",
            "ru": "только через vLLM; не ведёт беседу; страница и ответ делят 8 192 токена",
        },
        licence="MIT",
        languages=("rus", "eng", "chi", "about 100"),
        weights=Weights(
            repo="deepseek-ai/DeepSeek-OCR",
            revision="9f30c71f441d010e5429c532364a86705536c53a",
            parameters=3.34e9,
            bytes=6_670_000_000,
            vram=9_000_000_000,
        ),
        context=8192,
        image=Tiles(view_tokens=272, tile=640, tile_tokens=110, least=2, most=9),
        recipes={
            Task.TEXT: Recipe(decode=text.decode, prompt="Free OCR.", limits=Limits(4096)),
            Task.MARKDOWN: Recipe(decode=grounding.deepseek(), prompt=_MARKDOWN, limits=Limits(6000)),
            Task.LAYOUT: Recipe(decode=grounding.deepseek(), prompt=_MARKDOWN, limits=Limits(6000)),
            Task.SPOTTING: Recipe(decode=grounding.deepseek(), prompt=_SPOTTING, limits=Limits(6000)),
            Task.TABLE: Recipe(decode=markdown.decode, prompt="Parse the figure.", limits=Limits(4096)),
        },
        runtimes={
            "vllm": Served(
                arguments=(
                    "--max-model-len=8192",
                    "--no-enable-prefix-caching",
                    "--mm-processor-cache-gb=0",
                    "--logits_processors=vllm.model_executor.models.deepseek_ocr:NGramPerReqLogitsProcessor",
                ),
                body={
                    "skip_special_tokens": False,
                    "vllm_xargs": {"ngram_size": 30, "window_size": 90, "whitelist_token_ids": [128821, 128822]},
                },
            ),
        },
        excluded={
            "embedded": TOO_LARGE,
            "transformers": {
                "en": "its published code does not run on Transformers 5; take deepseek_ocr_2, which does",
                "ru": "её код не работает на Transformers 5; возьмите deepseek_ocr_2 — она работает",
            },
        },
    ),
)
