"""Phi-4-multimodal: the successor of Phi-3.5-vision that Transformers runs natively.

Good at: English pages and questions. Cannot: read Russian reliably (its vision was trained on English), locate
anything. Licence MIT. Vision lives in a LoRA adapter beside the weights, so the library peft is needed.
"""

from collections.abc import Mapping
from typing import Any

from chatvlmllm.decode import markdown, text
from chatvlmllm.exchange import Limits, Request, Task
from chatvlmllm.models import loading
from chatvlmllm.models.card import (
    TOO_LARGE,
    Checkpoint,
    Loaded,
    Model,
    Recipe,
    Weights,
    Worker,
    conversation,
    pictures,
)
from chatvlmllm.models.images import Phi4Crops

_IMAGE = Phi4Crops(crops=36)


def load(checkpoint: Checkpoint) -> Loaded:
    """Transformers' own class with its vision adapter switched on."""
    network = loading.network(checkpoint, auto="AutoModelForCausalLM")
    network.load_adapter(checkpoint.folder, adapter_name="vision", adapter_kwargs={"subfolder": "vision-lora"})
    network.set_adapter("vision")
    processor = loading.processor(checkpoint)

    def encode(request: Request) -> Mapping[str, Any]:
        turns = conversation(request)
        written = "".join(
            f"<|{turn.role}|>{processor.image_token * len(turn.images)}{turn.text}<|end|>" for turn in turns
        )
        inputs: Mapping[str, Any] = processor(
            text=written + "<|assistant|>", images=pictures(turns) or None, return_tensors="pt"
        )
        return inputs

    tokenizer = processor.tokenizer
    return Loaded(
        network=network,
        tokenizer=tokenizer,
        encode=encode,
        stops=loading.known_tokens(tokenizer, "<|end|>", "<|endoftext|>"),
        image_token=processor.image_token_id,
    )


MODELS = (
    Model(
        key="phi4_multimodal",
        title="Phi-4-multimodal",
        summary={
            "en": "general model for English pages and questions; successor of phi3_vision",
            "ru": "универсальная модель для английских страниц и вопросов; преемник phi3_vision",
        },
        cannot={
            "en": "weak at Russian; no boxes; needs a GPU of 16 GB",
            "ru": "плохо знает русский; не даёт рамок; нужна видеокарта с 16 ГБ",
        },
        licence="MIT",
        languages=("eng",),
        weights=Weights(
            repo="microsoft/Phi-4-multimodal-instruct",
            revision=None,
            branch="refs/pr/70",
            unpinned="the files that run natively stand in pull request 70 of the repository, which may move",
            parameters=5.57e9,
            bytes=11_900_000_000,
            vram=14_000_000_000,
        ),
        context=131_072,
        image=_IMAGE,
        recipes={
            Task.TEXT: Recipe(
                decode=text.decode,
                prompt="Read all the text in the image. Output only the text, preserving line breaks.",
                limits=Limits(4096),
            ),
            Task.MARKDOWN: Recipe(
                decode=markdown.decode,
                prompt="Convert the document in the image to Markdown. Output only the document.",
                limits=Limits(4096),
            ),
            Task.CHAT: Recipe(decode=text.decode, limits=Limits(2048)),
        },
        runtimes={"transformers": Worker(load=load, quantization=())},
        excluded={
            "embedded": TOO_LARGE,
            "vllm": {
                "en": "its class was removed from vLLM after 0.12",
                "ru": "поддержка убрана из vLLM после 0.12",
            },
        },
    ),
)
