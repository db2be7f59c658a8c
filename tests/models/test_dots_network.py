"""Our own network for dots.ocr against an independent reference and the published names."""

import re

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

#: The published checkpoint's tensors, layers counted off: what stands in its index.
PUBLISHED = {
    "lm_head.weight",
    "model.embed_tokens.weight",
    "model.layers.N.input_layernorm.weight",
    "model.layers.N.mlp.down_proj.weight",
    "model.layers.N.mlp.gate_proj.weight",
    "model.layers.N.mlp.up_proj.weight",
    "model.layers.N.post_attention_layernorm.weight",
    "model.layers.N.self_attn.k_proj.bias",
    "model.layers.N.self_attn.k_proj.weight",
    "model.layers.N.self_attn.o_proj.weight",
    "model.layers.N.self_attn.q_proj.bias",
    "model.layers.N.self_attn.q_proj.weight",
    "model.layers.N.self_attn.v_proj.bias",
    "model.layers.N.self_attn.v_proj.weight",
    "model.norm.weight",
    "vision_tower.blocks.N.attn.proj.weight",
    "vision_tower.blocks.N.attn.qkv.weight",
    "vision_tower.blocks.N.mlp.fc1.weight",
    "vision_tower.blocks.N.mlp.fc2.weight",
    "vision_tower.blocks.N.mlp.fc3.weight",
    "vision_tower.blocks.N.norm1.weight",
    "vision_tower.blocks.N.norm2.weight",
    "vision_tower.merger.ln_q.bias",
    "vision_tower.merger.ln_q.weight",
    "vision_tower.merger.mlp.0.bias",
    "vision_tower.merger.mlp.0.weight",
    "vision_tower.merger.mlp.2.bias",
    "vision_tower.merger.mlp.2.weight",
    "vision_tower.patch_embed.patchifier.norm.weight",
    "vision_tower.patch_embed.patchifier.proj.bias",
    "vision_tower.patch_embed.patchifier.proj.weight",
    "vision_tower.post_trunk_norm.weight",
}


def _config(**vision: int):
    from chatvlmllm.models.networks.dots_ocr import DotsVisionConfig

    return DotsVisionConfig(**{"embed_dim": 64, "hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 3,
                               "num_attention_heads": 2, **vision})  # fmt: skip


def test_the_vision_tower_computes_what_the_reference_computes() -> None:
    """Two images of different shapes in one batch: every feature equals the plain reference's within 1e-4."""
    from chatvlmllm.models.networks.dots_vision import DotsVisionTransformer
    from tests.tiny.vision_reference import features

    torch.manual_seed(7)
    config = _config()
    tower = DotsVisionTransformer(config).eval()
    for weight in tower.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    grid = torch.tensor([[1, 4, 6], [1, 8, 2]])
    patches = torch.randn(4 * 6 + 8 * 2, 3 * 14 * 14)
    with torch.inference_mode():
        ours, expected = tower(patches, grid), features(dict(tower.state_dict()), patches, grid, config)
    assert ours.shape == (10, 48)
    assert expected.abs().max() > 0.1
    assert torch.allclose(ours, expected, atol=1e-4), (ours - expected).abs().max()


def test_an_image_sees_only_itself() -> None:
    """Features of an image do not change with its neighbours in the batch."""
    from chatvlmllm.models.networks.dots_vision import DotsVisionTransformer

    torch.manual_seed(1)
    tower = DotsVisionTransformer(_config()).eval()
    first, second = torch.randn(16, 588), torch.randn(24, 588)
    with torch.inference_mode():
        alone = tower(first, torch.tensor([[1, 4, 4]]))
        together = tower(torch.cat([first, second]), torch.tensor([[1, 4, 4], [1, 4, 6]]))
    assert torch.allclose(alone, together[:4], atol=1e-5)


def test_tensor_names_are_the_published_ones() -> None:
    """The names of our network's tensors are exactly those of the published checkpoint."""
    from chatvlmllm.models.networks.dots_ocr import DotsOCRConfig, DotsOCRForCausalLM

    with torch.device("meta"):
        config = DotsOCRConfig(vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
                               num_attention_heads=2, num_key_value_heads=1, image_token_id=3, video_token_id=None,
                               vision_config={"embed_dim": 32, "hidden_size": 32, "intermediate_size": 64,
                                              "num_hidden_layers": 2, "num_attention_heads": 2})  # fmt: skip
        names = set(DotsOCRForCausalLM(config).state_dict())
    assert {re.sub(r"\.(layers|blocks)\.\d+\.", r".\1.N.", name) for name in names} == PUBLISHED


def test_the_defaults_are_the_published_sizes() -> None:
    """Without a word the vision configuration is that of the published 1.2 billion parameters."""
    from chatvlmllm.models.networks.dots_ocr import DotsVisionConfig
    from chatvlmllm.models.networks.dots_vision import DotsVisionTransformer

    with torch.device("meta"):
        count = sum(weight.numel() for weight in DotsVisionTransformer(DotsVisionConfig()).parameters())
    assert 1.15e9 < count < 1.30e9


def test_a_picture_without_places_is_refused() -> None:
    """Features and image tokens that differ in number raise instead of being laid somewhere."""
    from chatvlmllm.models.networks.dots_ocr import DotsOCRConfig, DotsOCRForCausalLM

    config = DotsOCRConfig(vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=1,
                           num_attention_heads=2, num_key_value_heads=1, image_token_id=3, video_token_id=None,
                           vision_config={"embed_dim": 32, "hidden_size": 32, "intermediate_size": 64,
                                          "num_hidden_layers": 1, "num_attention_heads": 2})  # fmt: skip
    network = DotsOCRForCausalLM(config).eval()
    with pytest.raises(ValueError, match="do not match"):
        network(input_ids=torch.tensor([[1, 3, 2]]), pixel_values=torch.randn(16, 588),
                image_grid_thw=torch.tensor([[1, 4, 4]]))  # fmt: skip
