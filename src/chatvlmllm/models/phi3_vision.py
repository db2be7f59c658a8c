"""Phi-3.5-vision: a general model of 2024, kept for those who compare with it.

Good at: English pages and questions. Cannot: read Russian well, locate anything. Licence MIT. Its published code does
not run on Transformers newer than 4.47, so `models pull` makes an environment with the older libraries and the worker
runs there; vLLM is the other way. `phi4_multimodal` is the successor that runs natively.
"""

from collections.abc import Mapping
from typing import Any

from chatvlmllm.decode import markdown, text
from chatvlmllm.exchange import Limits, Request, Task, Turn
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
from chatvlmllm.models.images import PhiCrops

#: 16 crops is the model card's advice for text; the default of 4 loses small print.
_IMAGE = PhiCrops(crops=16)

#: The processor writes image places as negative numbers, one per image.
_IMAGE_TOKEN = -1


def prompt(turns: tuple[Turn, ...]) -> str:
    """The conversation in the model's notation, images numbered from 1."""
    written, number = [], 0
    for turn in turns:
        marks = "".join(f"<|image_{number + index + 1}|>\n" for index in range(len(turn.images)))
        number += len(turn.images)
        written.append(f"<|{turn.role}|>\n{marks}{turn.text}<|end|>\n")
    return "".join(written) + "<|assistant|>\n"


def load(checkpoint: Checkpoint) -> Loaded:
    """The published code under the older Transformers that it was written for."""
    import torch
    from transformers import AutoModelForCausalLM, AutoProcessor

    placement = checkpoint.placement
    network = AutoModelForCausalLM.from_pretrained(
        checkpoint.folder,
        torch_dtype=getattr(torch, placement.dtype),
        _attn_implementation=placement.attention,
        trust_remote_code=checkpoint.remote_code,
        local_files_only=True,
    )
    network = network.to(placement.device).eval()
    processor = AutoProcessor.from_pretrained(
        checkpoint.folder,
        trust_remote_code=checkpoint.remote_code,
        local_files_only=True,
        num_crops=_IMAGE.crops,
    )

    def encode(request: Request) -> Mapping[str, Any]:
        turns = conversation(request)
        inputs: Mapping[str, Any] = processor(prompt(turns), pictures(turns) or None, return_tensors="pt")
        return inputs

    tokenizer = processor.tokenizer
    vocabulary = tokenizer.get_vocab()
    stops = tuple(vocabulary[name] for name in ("<|end|>", "<|endoftext|>") if name in vocabulary)
    return Loaded(network=network, tokenizer=tokenizer, encode=encode, stops=stops, image_token=_IMAGE_TOKEN)


MODELS = (
    Model(
        key="phi3_vision",
        title="Phi-3.5-vision",
        summary={
            "en": "general model of 2024 for English pages and questions",
            "ru": "универсальная модель 2024 года для английских страниц и вопросов",
        },
        cannot={
            "en": "weak at Russian; no boxes; needs an environment of its own with older libraries",
            "ru": "плохо знает русский; не даёт рамок; нужна отдельная среда со старыми библиотеками",
        },
        licence="MIT",
        languages=("eng",),
        weights=Weights(
            repo="microsoft/Phi-3.5-vision-instruct",
            revision="4a0d683eba9f1d0cbfb6151705d1ee73c25a80ca",
            parameters=4.15e9,
            bytes=8_300_000_000,
            vram=10_000_000_000,
            remote_code=True,
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
        runtimes={
            "transformers": Worker(
                load=load,
                attention=("eager", "flash_attention_2"),
                quantization=(),
                requirements=(
                    "transformers==4.46.3",
                    "tokenizers==0.20.3",
                    "accelerate==1.1.1",
                    "torch>=2.5,<2.9",
                    "torchvision>=0.20,<0.24",
                    "numpy<2.3",
                    "pillow<12",
                ),
            ),
            "vllm": Served(
                arguments=(
                    "--trust-remote-code",
                    "--max-model-len=8192",
                    '--limit-mm-per-prompt={"image":1}',
                    '--mm-processor-kwargs={"num_crops":16}',
                )
            ),
        },
        excluded={"embedded": TOO_LARGE},
    ),
)
