"""Builders: each writes a complete checkpoint folder of one family, loadable by `from_pretrained`."""

from pathlib import Path

from tests.tiny import tokenizers

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.content is string %}{{ m.content }}{% else %}"
    "{% for c in m.content %}{% if c.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif c.type == 'text' %}{{ c.text }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

_TEXT = {
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "max_position_embeddings": 8192,
}  # fmt: skip


def _ids(tokenizer) -> dict[str, int]:
    return {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id, "bos_token_id": None}


def _qwen_ids(tokenizer) -> dict[str, int]:
    names = {"image_token_id": "<|image_pad|>", "video_token_id": "<|video_pad|>",
             "vision_start_token_id": "<|vision_start|>", "vision_end_token_id": "<|vision_end|>"}  # fmt: skip
    return {key: tokenizer.convert_tokens_to_ids(name) for key, name in names.items()}


def qwen2_vl(folder: Path) -> Path:
    """Qwen2-VL with 0.3 million parameters."""
    import torch
    from transformers import (
        Qwen2VLConfig,
        Qwen2VLForConditionalGeneration,
        Qwen2VLImageProcessor,
        Qwen2VLProcessor,
        Qwen2VLVideoProcessor,
    )

    tokenizer = tokenizers.qwen()
    config = Qwen2VLConfig(
        text_config={
            **_TEXT, **_ids(tokenizer), "vocab_size": tokenizers.size_of(tokenizer),
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [4, 6, 6]},
        },
        vision_config={
            "depth": 2, "embed_dim": 32, "hidden_size": 64, "num_heads": 4, "mlp_ratio": 2, "patch_size": 14,
            "spatial_merge_size": 2, "temporal_patch_size": 2,
        },
        tie_word_embeddings=True,
        **_qwen_ids(tokenizer),
    )  # fmt: skip
    torch.manual_seed(0)
    Qwen2VLForConditionalGeneration(config).save_pretrained(folder)
    images = Qwen2VLImageProcessor(size={"shortest_edge": 3136, "longest_edge": 50176})
    Qwen2VLProcessor(images, tokenizer, Qwen2VLVideoProcessor(), chat_template=CHATML).save_pretrained(folder)
    return folder


def qwen3_vl(folder: Path) -> Path:
    """Qwen3-VL with deepstack."""
    import torch
    from transformers import (
        Qwen2VLImageProcessor,
        Qwen3VLConfig,
        Qwen3VLForConditionalGeneration,
        Qwen3VLProcessor,
        Qwen3VLVideoProcessor,
    )

    tokenizer = tokenizers.qwen()
    config = Qwen3VLConfig(
        text_config={
            **_TEXT, **_ids(tokenizer), "vocab_size": tokenizers.size_of(tokenizer), "head_dim": 32,
            "rope_parameters": {
                "rope_type": "default", "rope_theta": 5e6, "mrope_section": [6, 5, 5], "mrope_interleaved": True,
            },
        },
        vision_config={
            "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 4, "out_hidden_size": 64,
            "patch_size": 16, "spatial_merge_size": 2, "temporal_patch_size": 2, "num_position_embeddings": 16,
            "deepstack_visual_indexes": [0, 1],
        },
        tie_word_embeddings=True,
        **_qwen_ids(tokenizer),
    )  # fmt: skip
    torch.manual_seed(0)
    Qwen3VLForConditionalGeneration(config).save_pretrained(folder)
    images = Qwen2VLImageProcessor(
        patch_size=16, temporal_patch_size=2, merge_size=2, size={"shortest_edge": 64 * 64, "longest_edge": 256 * 256}
    )
    Qwen3VLProcessor(images, tokenizer, Qwen3VLVideoProcessor(), chat_template=CHATML).save_pretrained(folder)
    return folder


def got_ocr2(folder: Path) -> Path:
    """GOT-OCR 2 with views of 256 pixels that still cost 256 tokens."""
    import torch
    from transformers import GotOcr2Config, GotOcr2ForConditionalGeneration, GotOcr2ImageProcessor, GotOcr2Processor

    tokenizer = tokenizers.plain("<|im_end|>", "<|endoftext|>", "<|im_start|>", "<img>", "</img>", "<imgpad>")
    config = GotOcr2Config(
        text_config={
            **_TEXT, **_ids(tokenizer), "model_type": "qwen2", "vocab_size": tokenizers.size_of(tokenizer),
            "tie_word_embeddings": True,
        },
        vision_config={
            "hidden_size": 32, "output_channels": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "mlp_dim": 64,
            "image_size": 256, "patch_size": 4, "window_size": 8, "global_attn_indexes": [], "initializer_range": 0.02,
        },
        image_token_index=tokenizer.convert_tokens_to_ids("<imgpad>"),
    )  # fmt: skip
    torch.manual_seed(0)
    GotOcr2ForConditionalGeneration(config).save_pretrained(folder)
    GotOcr2Processor(GotOcr2ImageProcessor(size={"height": 256, "width": 256}), tokenizer).save_pretrained(folder)
    return folder


def deepseek_ocr2(folder: Path) -> Path:
    """DeepSeek-OCR 2 with its real image sizes and no global attention, so that a page costs a second."""
    import torch
    from transformers import (
        DeepseekOcr2Config,
        DeepseekOcr2ForConditionalGeneration,
        DeepseekOcr2ImageProcessor,
        DeepseekOcr2Processor,
    )

    tokenizer = tokenizers.plain(
        "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>", "<｜begin▁of▁sentence｜>", "<image>", "<|grounding|>", "<|ref|>",
        "<|/ref|>", "<|det|>", "<|/det|>", "<td>", "</td>",
    )  # fmt: skip
    heads = {"num_attention_heads": 4, "num_key_value_heads": 4}
    config = DeepseekOcr2Config(
        vision_config={
            "sam_config": {
                "hidden_size": 32, "output_channels": 16, "num_hidden_layers": 2, "num_attention_heads": 4,
                "image_size": 1024, "patch_size": 16, "window_size": 14, "global_attn_indexes": [], "mlp_dim": 64,
                "downsample_channels": [32, 64], "initializer_range": 0.02,
            },
            "encoder_config": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, **heads},
        },
        text_config={
            **_TEXT, **heads, **_ids(tokenizer), "vocab_size": tokenizers.size_of(tokenizer), "n_routed_experts": 4,
            "n_shared_experts": 1, "num_experts_per_tok": 2, "moe_intermediate_size": 32,
            "mlp_layer_types": ["dense", "sparse"],
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    torch.manual_seed(0)
    DeepseekOcr2ForConditionalGeneration(config).save_pretrained(folder)
    DeepseekOcr2Processor(DeepseekOcr2ImageProcessor(), tokenizer, patch_size=16, downsample_ratio=4).save_pretrained(
        folder
    )
    return folder


def dots_ocr(folder: Path) -> Path:
    """dots.ocr through our own class, with the published configuration's names, among them a wish for flash-attn."""
    import json

    import torch

    from chatvlmllm.models.networks.dots_ocr import DotsOCRConfig, DotsOCRForCausalLM, register

    register()
    tokenizer = tokenizers.plain(
        "<|endofassistant|>", "<|endoftext|>", "<|img|>", "<|imgpad|>", "<|endofimg|>", "<|user|>", "<|endofuser|>",
        "<|assistant|>", "<|system|>", "<|endofsystem|>",
    )  # fmt: skip
    config = DotsOCRConfig(
        **_TEXT, **_ids(tokenizer), vocab_size=tokenizers.size_of(tokenizer),
        image_token_id=tokenizer.convert_tokens_to_ids("<|imgpad|>"), video_token_id=None,
        vision_config={
            "embed_dim": 64, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
            "num_attention_heads": 2, "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 1,
        },
    )  # fmt: skip
    torch.manual_seed(0)
    DotsOCRForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    path = folder / "config.json"
    stored = json.loads(path.read_text())
    stored["vision_config"]["attn_implementation"] = "flash_attention_2"
    stored["auto_map"] = {"AutoConfig": "configuration_dots.DotsOCRConfig"}
    path.write_text(json.dumps(stored))
    return folder


def paddleocr_vl(folder: Path) -> Path:
    """PaddleOCR-VL."""
    import torch
    from transformers import (
        PaddleOCRVLConfig,
        PaddleOCRVLForConditionalGeneration,
        PaddleOCRVLImageProcessor,
        PaddleOCRVLProcessor,
    )

    marks = ("<|IMAGE_START|>", "<|IMAGE_PLACEHOLDER|>", "<|IMAGE_END|>", "<|begin_of_sentence|>", "<unk>")
    tokenizer = tokenizers.plain("</s>", "<unk>", *marks, image_token="<|IMAGE_PLACEHOLDER|>")
    config = PaddleOCRVLConfig(
        text_config={
            **_TEXT, **_ids(tokenizer), "vocab_size": tokenizers.size_of(tokenizer), "head_dim": 32,
            "rope_parameters": {"rope_type": "default", "rope_theta": 5e5, "mrope_section": [4, 6, 6]},
        },
        vision_config={
            "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
            "image_size": 56, "patch_size": 14,
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<|IMAGE_PLACEHOLDER|>"),
        vision_start_token_id=tokenizer.convert_tokens_to_ids("<|IMAGE_START|>"),
        vision_end_token_id=tokenizer.convert_tokens_to_ids("<|IMAGE_END|>"),
    )  # fmt: skip
    torch.manual_seed(0)
    PaddleOCRVLForConditionalGeneration(config).save_pretrained(folder)
    template = (
        "{% for m in messages %}{% if m.role == 'user' %}User: {% for c in m.content %}{% if c.type == 'image' %}"
        "<|IMAGE_START|><|IMAGE_PLACEHOLDER|><|IMAGE_END|>{% else %}{{ c.text }}{% endif %}{% endfor %}\n{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}Assistant: {% endif %}"
    )
    PaddleOCRVLProcessor(PaddleOCRVLImageProcessor(), tokenizer, chat_template=template).save_pretrained(folder)
    return folder


#: Every family with a tiny recipe: its builder and the model key that is served from it.
FAMILIES = {
    "qwen_vl_2b": qwen2_vl,
    "qwen3_vl_2b": qwen3_vl,
    "got_ocr_hf": got_ocr2,
    "deepseek_ocr_2": deepseek_ocr2,
    "dots_ocr": dots_ocr,
    "paddleocr_vl": paddleocr_vl,
}
