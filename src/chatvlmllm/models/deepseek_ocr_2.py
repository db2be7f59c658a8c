"""DeepSeek-OCR 2: whole pages as Markdown with located blocks, from very few tokens.

Good at: dense pages, reading order, tables, about a hundred languages. Cannot: several images or a conversation; 8
192 tokens in all. Licence Apache-2.0. Prompts are the model card's; boxes are 0…999 of the page without padding.
Transformers runs the converted checkpoint of deepseek-community, vLLM the original one.
"""

from collections.abc import Mapping
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
    pictures,
)
from chatvlmllm.models.images import Tiles

_IMAGE = Tiles(view_tokens=256, tile=768, tile_tokens=144, least=2, most=6)

_MARKDOWN = "<|grounding|>Convert the document to markdown."
_SPOTTING = "<|grounding|>OCR this image."


def load(checkpoint: Checkpoint) -> Loaded:
    """Transformers' own class and processor; location tags are special tokens and stay in the text."""
    network = loading.network(checkpoint, skip=("vision_tower", "lm_head"))
    processor = loading.processor(checkpoint)

    def encode(request: Request) -> Mapping[str, Any]:
        turns = conversation(request)
        question = "\n".join(turn.text for turn in turns if turn.role != "assistant")
        inputs: Mapping[str, Any] = processor(images=pictures(turns), text=f"<image>\n{question}", return_tensors="pt")
        return inputs

    tokenizer = processor.tokenizer
    return Loaded(
        network=network,
        tokenizer=tokenizer,
        encode=encode,
        stops=loading.known_tokens(tokenizer, "<｜end▁of▁sentence｜>"),
        image_token=loading.token(tokenizer, "<image>"),
        special=True,
    )


MODELS = (
    Model(
        key="deepseek_ocr_2",
        title="DeepSeek-OCR 2",
        summary={
            "en": "pages to Markdown with located blocks; native successor of deepseek_ocr",
            "ru": "страницы в Markdown с рамками блоков; преемник deepseek_ocr",
        },
        cannot={
            "en": "no conversation; page and reply share 8 192 tokens; needs 16-bit weights",
            "ru": "не ведёт беседу; страница и ответ делят 8 192 токена; нужны 16-битные веса",
        },
        licence="Apache-2.0",
        languages=("rus", "eng", "chi", "about 100"),
        weights=Weights(
            repo="deepseek-community/DeepSeek-OCR-2",
            revision=None,
            unpinned="no commit of this repository could be verified; the first download writes down the one it got",
            parameters=3.4e9,
            bytes=6_800_000_000,
            vram=9_000_000_000,
        ),
        context=8192,
        image=_IMAGE,
        recipes={
            Task.TEXT: Recipe(decode=text.decode, prompt="Free OCR.", limits=Limits(4096)),
            Task.MARKDOWN: Recipe(decode=grounding.deepseek(), prompt=_MARKDOWN, limits=Limits(6000)),
            Task.LAYOUT: Recipe(decode=grounding.deepseek(), prompt=_MARKDOWN, limits=Limits(6000)),
            Task.SPOTTING: Recipe(decode=grounding.deepseek(), prompt=_SPOTTING, limits=Limits(6000)),
            Task.TABLE: Recipe(decode=markdown.decode, prompt="Parse the figure.", limits=Limits(4096)),
        },
        # The experts are fused tensors that bitsandbytes cannot quantise.
        runtimes={
            "transformers": Worker(load=load, attention=("sdpa", "eager"), quantization=()),
            "vllm": Served(
                repo="deepseek-ai/DeepSeek-OCR-2",
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
        excluded={"embedded": TOO_LARGE},
    ),
)
