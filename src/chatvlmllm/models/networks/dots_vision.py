"""The vision tower of dots.ocr: patches of any number of images in, one feature per 2 × 2 patches out.

Module names are those of the published checkpoint. Runs on any device in any float type; attention is PyTorch's own,
image by image, so no attention matrix over a whole page is ever built where a fused kernel exists.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class RMSNorm(nn.Module):
    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        # The mean square of half-precision values overflows early, so it is taken in single precision.
        wide = x.float()
        return (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps)).type_as(x) * self.weight


class Patchifier(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.side, self.channels = config.patch_size, config.num_channels
        self.frames = config.temporal_patch_size
        self.proj = nn.Conv2d(self.channels, config.embed_dim, self.side, self.side)
        self.norm = RMSNorm(config.embed_dim, config.rms_norm_eps)

    def forward(self, patches: Tensor) -> Tensor:
        """Flat patches `[n, channels · frames · side²]` become `[n, width]`; a still image is its first frame."""
        pictures = patches.view(-1, self.channels, self.frames, self.side, self.side)[:, :, 0]
        projected: Tensor = self.norm(self.proj(pictures).flatten(1))
        return projected


class PatchEmbed(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.patchifier = Patchifier(config)

    def forward(self, patches: Tensor) -> Tensor:
        embedded: Tensor = self.patchifier(patches)
        return embedded


def rotary_angles(grid: Tensor, merge: int, head_dim: int, theta: float = 10000.0) -> Tensor:
    """Angles `[patches, head_dim / 2]`: the first half from the row, the second from the column of each patch.

    Patches stand in blocks of `merge` × `merge`, block rows first, as the image processor writes them.
    """
    quarter = head_dim // 4
    steps = torch.arange(0, 2 * quarter, 2, dtype=torch.float32, device=grid.device) / (2 * quarter)
    frequencies = theta**-steps
    pieces = []
    for frames, rows, columns in grid.tolist():
        row = torch.arange(rows, device=grid.device)[:, None].expand(rows, columns)
        column = torch.arange(columns, device=grid.device)[None, :].expand(rows, columns)
        places = torch.stack([_blocked(row, merge), _blocked(column, merge)], dim=-1).repeat(frames, 1)
        pieces.append((places[..., None].float() * frequencies).flatten(1))
    return torch.cat(pieces)


def _blocked(values: Tensor, merge: int) -> Tensor:
    rows, columns = values.shape
    blocks = values.reshape(rows // merge, merge, columns // merge, merge)
    return blocks.permute(0, 2, 1, 3).flatten()


def rotate(x: Tensor, angles: Tensor) -> Tensor:
    """Turn every pair of a head's two halves by the patch's angle, in single precision. `x` is `[n, heads, dim]`."""
    cos, sin = angles.cos()[:, None, :], angles.sin()[:, None, :]
    first, second = x.float().chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1).type_as(x)


class Attention(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        self.qkv = nn.Linear(config.embed_dim, 3 * config.embed_dim, bias=config.use_bias)
        self.proj = nn.Linear(config.embed_dim, config.embed_dim, bias=config.use_bias)

    def forward(self, x: Tensor, angles: Tensor, lengths: list[int]) -> Tensor:
        count, width = x.shape
        query, key, value = self.qkv(x).view(count, 3, self.heads, width // self.heads).unbind(1)
        query, key = rotate(query, angles), rotate(key, angles)
        seen = []
        for q, k, v in zip(query.split(lengths), key.split(lengths), value.split(lengths), strict=True):
            # Kernels want [batch, heads, n, dim]; an image attends to itself only.
            heads = functional.scaled_dot_product_attention(
                q.transpose(0, 1)[None], k.transpose(0, 1)[None], v.transpose(0, 1)[None]
            )
            seen.append(heads[0].transpose(0, 1).flatten(1))
        mixed: Tensor = self.proj(torch.cat(seen))
        return mixed


class Mlp(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.fc1 = nn.Linear(config.embed_dim, config.intermediate_size, bias=config.use_bias)
        self.fc2 = nn.Linear(config.intermediate_size, config.embed_dim, bias=config.use_bias)
        self.fc3 = nn.Linear(config.embed_dim, config.intermediate_size, bias=config.use_bias)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(functional.silu(self.fc1(x)) * self.fc3(x))
        return out


class Block(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.norm1 = RMSNorm(config.embed_dim, config.rms_norm_eps)
        self.attn = Attention(config)
        self.norm2 = RMSNorm(config.embed_dim, config.rms_norm_eps)
        self.mlp = Mlp(config)

    def forward(self, x: Tensor, angles: Tensor, lengths: list[int]) -> Tensor:
        x = x + self.attn(self.norm1(x), angles, lengths)
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


class Merger(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.width = config.embed_dim * config.spatial_merge_size**2
        self.ln_q = nn.LayerNorm(config.embed_dim, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(self.width, self.width), nn.GELU(), nn.Linear(self.width, config.hidden_size)
        )

    def forward(self, x: Tensor) -> Tensor:
        merged: Tensor = self.mlp(self.ln_q(x).view(-1, self.width))
        return merged


class DotsVisionTransformer(nn.Module):
    """Patches `[n, …]` of the images described by `grid` `[images, 3]` (frames, rows, columns) → `[n / 4, hidden]`."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.merge = config.spatial_merge_size
        self.head_dim = config.embed_dim // config.num_attention_heads
        self.patch_embed = PatchEmbed(config)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.num_hidden_layers)])
        if config.post_norm:
            self.post_trunk_norm = RMSNorm(config.embed_dim, config.rms_norm_eps)
        self.merger = Merger(config)

    def forward(self, patches: Tensor, grid: Tensor) -> Tensor:
        angles = rotary_angles(grid, self.merge, self.head_dim)
        lengths = [rows * columns for frames, rows, columns in grid.tolist() for _ in range(frames)]
        x = self.patch_embed(patches)
        for block in self.blocks:
            x = block(x, angles, lengths)
        if hasattr(self, "post_trunk_norm"):
            x = self.post_trunk_norm(x)
        merged: Tensor = self.merger(x)
        return merged
