"""dots.ocr as a native Transformers class: a Qwen2 language model that sees through `DotsVisionTransformer`.

Needs no code of the checkpoint's repository and no flash-attn. Parameter names equal those of the published files, so
`from_pretrained` needs no mapping. Does not cover video or gradient checkpointing of the vision tower.
"""

from typing import Any

from torch import Tensor
from transformers import AutoConfig, AutoModelForImageTextToText, PreTrainedConfig, Qwen2Config, Qwen2ForCausalLM

from chatvlmllm.models.networks.dots_vision import DotsVisionTransformer

_SEEN_ONCE = ("pixel_values", "image_grid_thw")


class DotsVisionConfig(PreTrainedConfig):
    """Sizes of the vision tower; the defaults are those of the published checkpoint."""

    model_type = "dots_vit"
    base_config_key = "vision_config"

    embed_dim: int = 1536
    hidden_size: int = 1536
    intermediate_size: int = 4224
    num_hidden_layers: int = 42
    num_attention_heads: int = 12
    num_channels: int = 3
    patch_size: int = 14
    spatial_merge_size: int = 2
    temporal_patch_size: int = 1
    rms_norm_eps: float = 1e-5
    use_bias: bool = False
    post_norm: bool = True
    initializer_range: float = 0.02


class DotsOCRConfig(Qwen2Config):
    """A Qwen2 configuration with a vision tower."""

    model_type = "dots_ocr"
    sub_configs = {"vision_config": DotsVisionConfig}  # noqa: RUF012 read by the base class

    image_token_id: int = 151665
    video_token_id: int = 151656
    vision_config: Any = None

    def __post_init__(self, **kwargs: Any) -> None:
        if not isinstance(self.vision_config, DotsVisionConfig):
            self.vision_config = DotsVisionConfig(**(self.vision_config or {}))
        super().__post_init__(**kwargs)


class DotsOCRForCausalLM(Qwen2ForCausalLM):
    """Text and images in, text out."""

    config_class = DotsOCRConfig
    input_modalities = ("image", "text")
    _no_split_modules = ("Qwen2DecoderLayer", "Block")

    def __init__(self, config: DotsOCRConfig) -> None:
        super().__init__(config)
        self.vision_tower = DotsVisionTransformer(config.vision_config)
        self.post_init()

    def _embed(self, input_ids: Tensor, pixel_values: Tensor, grid: Tensor) -> Tensor:
        """Word embeddings with image features in the places of the image tokens; raises ValueError on a mismatch."""
        words: Tensor = self.get_input_embeddings()(input_ids)
        features = self.vision_tower(pixel_values.to(words.dtype), grid).to(words.device, words.dtype)
        places = input_ids == self.config.image_token_id
        if int(places.sum()) != len(features):
            message = f"Image features and image tokens do not match: {len(features)} != {int(places.sum())}"
            raise ValueError(message)
        return words.masked_scatter(places[..., None].expand_as(words), features)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        pixel_values: Tensor | None = None,
        image_grid_thw: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        **kwargs: Any,
    ) -> Any:
        """As the language model's, with patches and their grid beside the text."""
        if pixel_values is not None and inputs_embeds is None:
            assert input_ids is not None
            assert image_grid_thw is not None
            inputs_embeds = self._embed(input_ids, pixel_values, image_grid_thw)
            input_ids = None
        return super().forward(
            input_ids=input_ids, attention_mask=attention_mask, inputs_embeds=inputs_embeds, **kwargs
        )

    def prepare_inputs_for_generation(self, input_ids: Tensor, **kwargs: Any) -> dict[str, Any]:
        """Images belong to the first step only; later steps find them in the cache."""
        inputs: dict[str, Any] = super().prepare_inputs_for_generation(input_ids, **kwargs)
        cache = kwargs.get("past_key_values")
        if cache is not None and cache.get_seq_length() > 0:
            for name in _SEEN_ONCE:
                inputs.pop(name, None)
        return inputs


def register() -> None:
    """Make Transformers know the class, so that a checkpoint's own code is never looked for."""
    AutoConfig.register("dots_vit", DotsVisionConfig, exist_ok=True)
    AutoConfig.register("dots_ocr", DotsOCRConfig, exist_ok=True)
    AutoModelForImageTextToText.register(DotsOCRConfig, DotsOCRForCausalLM, exist_ok=True)


__all__ = ["DotsOCRConfig", "DotsOCRForCausalLM", "DotsVisionConfig", "register"]
