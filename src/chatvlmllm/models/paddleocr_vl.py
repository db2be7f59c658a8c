"""PaddleOCR-VL: a network of 0.9 billion parameters that reads one element of a page at a time.

Good at: text, tables, formulas and charts in 109 languages, Russian included, once the page was cut into elements.
Cannot: find the elements itself: whole pages need a layout stage first. Licence Apache-2.0. Prompts are the
project's; tables come as OTSL.
"""

from collections.abc import Mapping
from typing import Any

from chatvlmllm.decode import text
from chatvlmllm.exchange import Limits, Request, Task
from chatvlmllm.models import loading
from chatvlmllm.models.card import TOO_LARGE, Checkpoint, Loaded, Model, Recipe, Served, Weights, Worker, conversation
from chatvlmllm.models.images import SmartResize

_IMAGE = SmartResize(factor=28, min_pixels=384 * 384, max_pixels=1536 * 1536)


def load(checkpoint: Checkpoint) -> Loaded:
    """Transformers' own class and processor, held to this card's image sizes."""
    network = loading.network(checkpoint, skip=("visual", "projector", "lm_head"))
    processor = loading.processor(checkpoint)
    processor.image_processor.size = {"shortest_edge": _IMAGE.min_pixels, "longest_edge": _IMAGE.max_pixels}

    def encode(request: Request) -> Mapping[str, Any]:
        return loading.chat(processor, conversation(request))

    tokenizer = processor.tokenizer
    return Loaded(
        network=network,
        tokenizer=tokenizer,
        encode=encode,
        stops=loading.known_tokens(tokenizer, "</s>", "<|end_of_sentence|>"),
        image_token=processor.image_token_id,
    )


MODELS = (
    Model(
        key="paddleocr_vl",
        title="PaddleOCR-VL 0.9B",
        summary={
            "en": "small and strong reader of single elements: text, tables, formulas",
            "ru": "небольшая и сильная модель для отдельных элементов: текст, таблицы, формулы",
        },
        cannot={
            "en": "no layout of its own: whole pages should be cut into elements first; no questions",
            "ru": "сама страницу не размечает: её надо сначала разрезать на элементы; не отвечает на вопросы",
        },
        licence="Apache-2.0",
        languages=("rus", "eng", "chi", "109 in all"),
        weights=Weights(
            repo="PaddlePaddle/PaddleOCR-VL",
            revision="baee27eebcbf26cdeab160116679d765f13a3f27",
            parameters=0.96e9,
            bytes=1_920_000_000,
            vram=3_500_000_000,
            ignore=("*.bin", "*.pth", "*.onnx", "*.gguf", "*.pt", "PP-DocLayoutV2/*"),
        ),
        context=131_072,
        image=_IMAGE,
        recipes={
            Task.TEXT: Recipe(decode=text.decode, prompt="OCR:", limits=Limits(4096)),
            Task.TABLE: Recipe(decode=text.tables, prompt="Table Recognition:", limits=Limits(4096)),
            Task.FORMULA: Recipe(decode=text.formula, prompt="Formula Recognition:", limits=Limits(1024)),
        },
        runtimes={
            "transformers": Worker(load=load),
            "vllm": Served(
                arguments=(
                    "--trust-remote-code",
                    "--max-num-batched-tokens=16384",
                    "--no-enable-prefix-caching",
                    "--mm-processor-cache-gb=0",
                )
            ),
        },
        excluded={"embedded": TOO_LARGE},
    ),
)
