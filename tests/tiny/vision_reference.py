"""The vision tower of dots.ocr once more, written for clarity only, straight from its published description.

No attention kernels, no fused views, one image and one head at a time. It takes the weights by their published names.
"""

import math

import torch


def features(weights: dict[str, torch.Tensor], patches: torch.Tensor, grid: torch.Tensor, sizes) -> torch.Tensor:
    """One feature per 2 × 2 patches for every image, images one after the other."""
    pieces, at = [], 0
    for _, rows, columns in grid.tolist():
        count = rows * columns
        pieces.append(_image(weights, patches[at : at + count], rows, columns, sizes))
        at += count
    return torch.cat(pieces)


def _image(weights, patches, rows, columns, sizes):
    width, heads, layers = sizes.embed_dim, sizes.num_attention_heads, sizes.num_hidden_layers
    kernel = weights["patch_embed.patchifier.proj.weight"].reshape(width, -1)
    x = patches @ kernel.T + weights["patch_embed.patchifier.proj.bias"]
    x = _rms(x, weights["patch_embed.patchifier.norm.weight"], sizes.rms_norm_eps)
    turned = torch.stack([_angles(row, column, width // heads) for row, column in _places(rows, columns)])
    for layer in range(layers):
        part = {name.removeprefix(f"blocks.{layer}."): w for name, w in weights.items() if f"blocks.{layer}." in name}
        x = x + _attention(part, _rms(x, part["norm1.weight"], sizes.rms_norm_eps), turned, heads)
        y = _rms(x, part["norm2.weight"], sizes.rms_norm_eps)
        gate = y @ part["mlp.fc1.weight"].T
        x = x + (gate * torch.sigmoid(gate) * (y @ part["mlp.fc3.weight"].T)) @ part["mlp.fc2.weight"].T
    x = _rms(x, weights["post_trunk_norm.weight"], sizes.rms_norm_eps)
    return _merge(weights, x)


def _places(rows, columns):
    """Row and column of every patch in the order in which they come: 2 × 2 blocks, row of blocks by row of blocks."""
    return [
        (2 * block_row + inner_row, 2 * block_column + inner_column)
        for block_row in range(rows // 2)
        for block_column in range(columns // 2)
        for inner_row in range(2)
        for inner_column in range(2)
    ]


def _angles(row, column, dim):
    """One angle per pair of a head's numbers: a quarter of the numbers turn with the row, a quarter with the column."""
    quarter = dim // 4
    speeds = [1 / 10000 ** (2 * step / (dim // 2)) for step in range(quarter)]
    return torch.tensor([row * speed for speed in speeds] + [column * speed for speed in speeds])


def _turn(vectors, angles):
    """Number i and number i + half of every vector are the two coordinates that are turned by angle i."""
    half = vectors.shape[1] // 2
    out = vectors.clone()
    for i in range(half):
        cos, sin = torch.cos(angles[:, i]), torch.sin(angles[:, i])
        out[:, i] = vectors[:, i] * cos - vectors[:, i + half] * sin
        out[:, i + half] = vectors[:, i + half] * cos + vectors[:, i] * sin
    return out


def _attention(part, x, angles, heads):
    width = x.shape[1]
    dim = width // heads
    everything = x @ part["attn.qkv.weight"].T
    queries, keys, values = everything[:, :width], everything[:, width : 2 * width], everything[:, 2 * width :]
    outputs = []
    for head in range(heads):
        place = slice(head * dim, (head + 1) * dim)
        query, key = _turn(queries[:, place], angles), _turn(keys[:, place], angles)
        likeness = torch.softmax(query @ key.T / math.sqrt(dim), dim=1)
        outputs.append(likeness @ values[:, place])
    return torch.cat(outputs, dim=1) @ part["attn.proj.weight"].T


def _merge(weights, x):
    mean = x.mean(1, keepdim=True)
    spread = ((x - mean) ** 2).mean(1, keepdim=True)
    x = (x - mean) / torch.sqrt(spread + 1e-6) * weights["merger.ln_q.weight"] + weights["merger.ln_q.bias"]
    x = x.reshape(-1, 4 * x.shape[1])
    x = x @ weights["merger.mlp.0.weight"].T + weights["merger.mlp.0.bias"]
    x = 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))
    return x @ weights["merger.mlp.2.weight"].T + weights["merger.mlp.2.bias"]


def _rms(x, weight, eps):
    return x / torch.sqrt((x * x).mean(1, keepdim=True) + eps) * weight
