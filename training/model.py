"""The line recogniser as a torch module: borrowed backbone, own head, one class distribution per four pixels.

Input N×3×48×W in −1…1, output N×(W/4)×C logits (class 0 is the CTC blank). The backbone's last feature map has three
rows and one column per four pixels; a 3×1 convolution reads the rows together, residual blocks of dilated depthwise
convolutions carry context along the line (about ±60 columns), a 1×1 convolution names the character. Everything is
convolution and batch normalisation, so it folds and runs fast; it keeps W/4 steps because narrow print (";", "...",
"11") has fewer pixels per character than the W/8 of the original pooling could tell apart.
"""

from __future__ import annotations

from pathlib import Path

import torch
from backbone import CHANNELS, Backbone
from charset import charset
from torch import Tensor, nn

STRIDE = 4
"""Pixels of the 48-pixel line per output step."""
WIDTH, HIDDEN = 256, 512
DILATIONS = (1, 2, 4, 1, 2)


class Block(nn.Module):
    """x + pointwise(GELU(pointwise(norm(depthwise(x)))))."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.depth = nn.Conv2d(WIDTH, WIDTH, (1, 7), padding=(0, 3 * dilation), dilation=(1, dilation), groups=WIDTH)
        self.norm = nn.BatchNorm2d(WIDTH, momentum=0.02)
        self.wide = nn.Conv2d(WIDTH, HIDDEN, 1)
        self.back = nn.Conv2d(HIDDEN, WIDTH, 1)
        nn.init.zeros_(self.back.bias)
        nn.init.normal_(self.back.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """N×256×1×T → the same shape."""
        y: Tensor = self.back(nn.functional.gelu(self.wide(self.norm(self.depth(x)))))
        return x + y


class Head(nn.Module):
    """N×384×3×T features → N×C×1×T logits."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.Conv2d(CHANNELS, WIDTH, (3, 1), bias=False)
        self.norm = nn.BatchNorm2d(WIDTH, momentum=0.02)
        self.blocks = nn.Sequential(*(Block(d) for d in DILATIONS))
        self.last = nn.BatchNorm2d(WIDTH, momentum=0.02)
        self.classes = nn.Conv2d(WIDTH, len(charset()) + 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits per step."""
        y = nn.functional.gelu(self.norm(self.rows(x)))
        logits: Tensor = self.classes(self.last(self.blocks(y)))
        return logits


class Recogniser(nn.Module):
    """Backbone and head."""

    def __init__(self, backbone: Path) -> None:
        super().__init__()
        self.backbone = Backbone(backbone)
        self.head = Head()

    def forward(self, x: Tensor) -> Tensor:
        """N×3×48×W → N×T×C logits (float32)."""
        y: Tensor = self.head(self.backbone(x))
        return y.squeeze(2).transpose(1, 2).float()


def to_input(pixels: Tensor) -> Tensor:
    """N×48×W uint8 grey → N×3×48×W in −1…1, channels last."""
    x = (pixels.float() / 127.5 - 1).unsqueeze(1).expand(-1, 3, -1, -1)
    return x.contiguous(memory_format=torch.channels_last)
