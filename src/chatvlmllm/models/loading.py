"""What the families share when they load a checkpoint; called in a worker only.

Everything comes from a local folder: a worker never fetches anything. A network with missing weights is refused, since
Transformers fills them with random numbers and goes on.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from chatvlmllm.errors import EngineStartFailed
from chatvlmllm.exchange import Turn
from chatvlmllm.models.card import Checkpoint, Placement


def network(checkpoint: Checkpoint, auto: str = "AutoModelForImageTextToText", skip: Sequence[str] = ()) -> Any:
    """The network of `checkpoint` in its place, complete and ready; `skip` are modules that are never quantised."""
    import transformers

    placement = checkpoint.placement
    loaded, info = getattr(transformers, auto).from_pretrained(
        checkpoint.folder,
        **arguments(placement, skip),
        attn_implementation=placement.attention,
        trust_remote_code=checkpoint.remote_code,
        local_files_only=True,
        output_loading_info=True,
    )
    refuse_incomplete(loaded, info, checkpoint.folder)
    loaded.eval()
    return loaded


def arguments(placement: Placement, skip: Sequence[str]) -> dict[str, Any]:
    """Type, device and quantisation as Transformers 5 wants them; on the CPU there is nothing to map."""
    import torch

    wanted: dict[str, Any] = {"dtype": getattr(torch, placement.dtype)}
    if placement.device != "cpu" or placement.quantization:
        wanted["device_map"] = {"": placement.device}
    if placement.quantization:
        wanted["quantization_config"] = quantization(placement, skip)
    return wanted


def quantization(placement: Placement, skip: Sequence[str]) -> Any:
    """Bitsandbytes' configuration; the vision tower and the head keep their precision."""
    import torch
    from transformers import BitsAndBytesConfig

    if placement.quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=list(skip))
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=getattr(torch, placement.dtype),
        llm_int8_skip_modules=list(skip),
    )


def refuse_incomplete(loaded: Any, info: Mapping[str, Any], name: str) -> None:
    """Raises EngineStartFailed for missing or misshapen weights, and for a head that should be tied but is not."""
    lacking = sorted(info["missing_keys"]) + sorted(str(key) for key in info["mismatched_keys"])
    if lacking:
        few = ", ".join(lacking[:3]) + (f" and {len(lacking) - 3} more" if len(lacking) > 3 else "")
        raise EngineStartFailed(model=name, reason=f"the checkpoint lacks weights: {few}")
    head, words = loaded.get_output_embeddings(), loaded.get_input_embeddings()
    if _tied(loaded.config) and head is not None and head.weight.data_ptr() != words.weight.data_ptr():
        raise EngineStartFailed(model=name, reason="the output layer should share the word embeddings but does not")


def _tied(config: Any) -> bool:
    text = config.get_text_config()
    return bool(getattr(config, "tie_word_embeddings", False) and getattr(text, "tie_word_embeddings", True))


def processor(checkpoint: Checkpoint) -> Any:
    """The checkpoint's own processor: tokenizer, image rules and chat template."""
    from transformers import AutoProcessor

    return AutoProcessor.from_pretrained(
        checkpoint.folder, trust_remote_code=checkpoint.remote_code, local_files_only=True
    )


def chat(processor: Any, turns: Sequence[Turn]) -> Mapping[str, Any]:
    """Inputs of a conversation by the checkpoint's chat template; images stand before the text of their turn."""
    messages = [
        {
            "role": turn.role,
            "content": [{"type": "image", "image": image} for image in turn.images]
            + [{"type": "text", "text": turn.text}],
        }
        for turn in turns
    ]
    inputs: Mapping[str, Any] = processor.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    return inputs


def token(tokenizer: Any, text: str) -> int:
    """The number of a special token; raises EngineStartFailed when the tokenizer does not know it."""
    found = known_tokens(tokenizer, text)
    if not found:
        raise EngineStartFailed(model=tokenizer.name_or_path, reason=f"its tokenizer has no token {text}")
    return found[0]


def known_tokens(tokenizer: Any, *texts: str) -> tuple[int, ...]:
    """The numbers of those of `texts` that are tokens of their own."""
    vocabulary = tokenizer.get_vocab()
    return tuple(int(vocabulary[text]) for text in texts if text in vocabulary)
