"""Degradations by name: a preset, or effects with their levels joined by +, such as `blur=0.4+skew=0.2`."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from chatvlmllm.bench.degrade import EFFECTS, PRESETS, Effect, Recipe, Transform, degrade, geometry
from chatvlmllm.errors import UnknownDegradation

if TYPE_CHECKING:
    from PIL.Image import Image

DPI = 200.0


def recipe(name: str) -> Recipe:
    """The effects that a name means; raises UnknownDegradation."""
    if name in PRESETS:
        return PRESETS[name]
    effects = []
    for part in name.split("+"):
        effect, equals, level = part.partition("=")
        try:
            if effect not in EFFECTS or not equals:
                raise ValueError(part)
            effects.append(Effect(effect, float(level)))
        except ValueError as error:
            known = ", ".join((*PRESETS, *(f"{effect}=0…1" for effect in EFFECTS)))
            raise UnknownDegradation(name=name, known=known) from error
    return tuple(effects)


def spoil(image: Image, name: str, seed: int) -> tuple[Image, Transform]:
    """The picture after a degradation, and where its points went."""
    return degrade(image, recipe(name), seed)


def movement(size: tuple[float, float], name: str, seed: int) -> Transform:
    """Where the points of a page of this size go; cheaper than `spoil`, because only what moves ink is done."""
    from PIL import Image

    # An effect of level 0 is left out and keeps the others' draws as they are.
    moving = [
        effect if EFFECTS[effect.name].__module__ == geometry.__name__ else Effect(effect.name, 0)
        for effect in recipe(name)
    ]
    return degrade(Image.new("RGB", (round(size[0]), round(size[1])), "white"), moving, seed)[1]


def png(image: Image) -> bytes:
    """The picture as a PNG that says its resolution."""
    stream = io.BytesIO()
    image.save(stream, "PNG", dpi=(DPI, DPI))
    return stream.getvalue()
