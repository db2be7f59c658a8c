"""Spoil a clean page the way scanners, fax machines, stamps and phones do, by seed and level.

`degrade` returns the spoiled picture and a `Transform` that carries boxes of the clean page over to it. Effects
are named functions in `EFFECTS`; a recipe is a sequence of `Effect`, levels from 0 (nothing) to 1 (the worst still
readable by a person), except `turn`, whose level is 90, 180 or 270 degrees clockwise. Lengths scale with the
page: a level means the same at any resolution, where the page is taken to be an A4 sheet in either position.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatvlmllm.bench.degrade import geometry, marks, tone
from chatvlmllm.bench.degrade.transform import IDENTITY, Step, Transform

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

__all__ = ["EFFECTS", "PRESETS", "Effect", "Recipe", "Transform", "degrade"]

Draw = Callable[["Image", float, "np.random.Generator"], tuple["Image", Step | None]]


@dataclass(frozen=True)
class Effect:
    """One degradation by name and strength."""

    name: str
    level: float


Recipe = tuple[Effect, ...]

EFFECTS: Mapping[str, Draw] = {
    "skew": geometry.skew,
    "perspective": geometry.perspective,
    "turn": geometry.turn,
    "low_resolution": geometry.low_resolution,
    "fold": geometry.fold,
    "paper": tone.paper,
    "blur": tone.blur,
    "noise": tone.noise,
    "jpeg": tone.jpeg,
    "shadow": tone.shadow,
    "low_contrast": tone.low_contrast,
    "fax": tone.fax,
    "stamp": marks.stamp,
    "signature": marks.signature,
}


def _recipe(*effects: tuple[str, float]) -> Recipe:
    return tuple(Effect(name, level) for name, level in effects)


PRESETS: Mapping[str, Recipe] = {
    "clean": (),
    "scan": _recipe(("paper", 0.3), ("skew", 0.1), ("blur", 0.15), ("noise", 0.12), ("jpeg", 0.15)),
    "bad_scan": _recipe(
        ("stamp", 0.6),
        ("signature", 0.6),
        ("paper", 0.6),
        ("fold", 0.4),
        ("skew", 0.45),
        ("low_contrast", 0.4),
        ("blur", 0.4),
        ("noise", 0.4),
        ("jpeg", 0.55),
    ),
    "fax": _recipe(("skew", 0.25), ("blur", 0.2), ("noise", 0.2), ("fax", 0.45)),
    "photo": _recipe(
        ("paper", 0.4),
        ("fold", 0.3),
        ("perspective", 0.5),
        ("shadow", 0.6),
        ("blur", 0.3),
        ("noise", 0.3),
        ("jpeg", 0.4),
    ),
}


def degrade(image: Image, recipe: str | Sequence[Effect], seed: int) -> tuple[Image, Transform]:
    """Apply a recipe (or a preset by name) in its order; the same seed gives the same pixels."""
    import numpy as np

    effects = PRESETS[recipe] if isinstance(recipe, str) else recipe
    picture, steps = image.convert("RGB"), list[Step]()
    for place, effect in enumerate(effects):
        # a source per effect: changing one level must not reshuffle the noise of all the others
        rng = np.random.default_rng([seed, place, *effect.name.encode()])
        if effect.level == 0:
            continue
        picture, step = EFFECTS[effect.name](picture, effect.level, rng)
        if step is not None:
            steps.append(step)
    return picture, Transform(tuple(steps)) if steps else IDENTITY
