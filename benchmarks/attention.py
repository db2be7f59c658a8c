"""Tokens per second and peak GPU memory of a full-size Qwen2-VL-2B with random weights, by attention implementation.

    python benchmarks/attention.py [--tokens 256] [--device cuda] [--layers N]

Neither speed nor memory depends on the values of the weights, so nothing has to be downloaded. Prints one line of
JSON per implementation; one that is not installed is reported as absent, never left out.
"""

import argparse
import importlib.util
import json
import time

import torch
from transformers import GenerationConfig, Qwen2VLConfig, Qwen2VLForConditionalGeneration

#: A page of 1.5 megapixels: 1 932 image tokens of 28 × 28 pixels.
GRID = (84, 92)
IMAGE, START = 151655, 151652


def configuration(layers: int | None) -> Qwen2VLConfig:
    """The published sizes of Qwen2-VL-2B, or fewer layers for a rehearsal."""
    return Qwen2VLConfig(
        text_config={
            "vocab_size": 151936,
            "hidden_size": 1536,
            "intermediate_size": 8960,
            "num_hidden_layers": layers or 28,
            "num_attention_heads": 12,
            "num_key_value_heads": 2,
            "max_position_embeddings": 32768,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
        },
        vision_config={
            "depth": layers or 32,
            "embed_dim": 1280,
            "hidden_size": 1536,
            "num_heads": 16,
            "mlp_ratio": 4,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
        },
        image_token_id=IMAGE,
        vision_start_token_id=START,
        tie_word_embeddings=True,
    )


def measure(attention: str, device: str, tokens: int, layers: int | None) -> dict[str, object]:
    """One implementation: prefill and generation of exactly `tokens` tokens, after a short warm-up."""
    config = configuration(layers)
    config._attn_implementation = attention
    torch.manual_seed(0)
    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
    with torch.device(device):
        torch.set_default_dtype(dtype)
        network = Qwen2VLForConditionalGeneration(config).eval()
        torch.set_default_dtype(torch.float32)
    rows, columns = GRID
    places = rows * columns // 4
    ids = torch.cat([torch.tensor([START]), torch.full((places,), IMAGE), torch.arange(100, 140)])[None].to(device)
    inputs = {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "mm_token_type_ids": (ids == IMAGE).long(),
        "pixel_values": torch.randn(rows * columns, 3 * 2 * 14 * 14, device=device, dtype=dtype),
        "image_grid_thw": torch.tensor([[1, rows, columns]], device=device),
    }

    def generate(count: int) -> float:
        settings = GenerationConfig(do_sample=False, max_new_tokens=count, min_new_tokens=count, pad_token_id=0)
        began = time.perf_counter()
        with torch.inference_mode():
            network.generate(**inputs, generation_config=settings)
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        return time.perf_counter() - began

    generate(2)
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
    prefill = generate(1)
    total = generate(tokens)
    peak = torch.cuda.max_memory_allocated() / 1e9 if device.startswith("cuda") else None
    return {
        "attention": attention,
        "prompt_tokens": ids.shape[1],
        "prefill_s": round(prefill, 3),
        "tokens_per_s": round((tokens - 1) / max(total - prefill, 1e-9), 1),
        "peak_gb": round(peak, 2) if peak is not None else None,
    }


def main() -> None:
    """Measure every implementation, each on a clean device."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--layers", type=int)
    wanted = parser.parse_args()
    for attention in ("eager", "sdpa", "flash_attention_2"):
        if attention == "flash_attention_2" and importlib.util.find_spec("flash_attn") is None:
            print(json.dumps({"attention": attention, "absent": "flash-attn is not installed"}))
            continue
        print(json.dumps(measure(attention, wanted.device, wanted.tokens, wanted.layers)), flush=True)
        if wanted.device.startswith("cuda"):
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
