"""The fonts of Debian's packages that can write Russian, by family, class and covered characters.

Left out: script and display faces, small capitals, hairline weights, variable fonts. Some families are kept for the
test set only (`HELD_OUT`), together with their near relatives, so that the test judges unseen letter shapes.
"""

from __future__ import annotations

import json
import logging
import random
import subprocess
from collections import defaultdict
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from charset import RUSSIAN, charset
from fontTools.ttLib import TTCollection, TTFont
from PIL import ImageFont

HELD_OUT = (
    "Linux Libertine", "Old Standard", "Charis", "Doulos", "Vollkorn", "Clear Sans", "Play", "Open Sans", "PT Mono",
    "Monoid", "Monoisome", "Roboto Slab", "Sans Condensed Uralic",
)  # fmt: skip
EXCLUDED = ("Chancery", "Z003", "Smallcaps", " SC", "Bebas", "Symbols", "Upright Italic", "Unifont", "Math", " Thin")
EXCLUDED_STYLES = ("Thin", "ExtraLight", "Extra Light", "UltraLight", "Hairline", "ExtraBlack")
OFFICE = {
    "Tinos": 9, "Liberation Serif": 9, "Nimbus Roman": 5, "FreeSerif": 4, "Roman Uralic": 2, "PT Serif": 4,
    "Arimo": 7, "Liberation Sans": 7, "Nimbus Sans": 4, "FreeSans": 4, "Carlito": 6, "PT Sans": 4, "DejaVu Sans": 4,
    "Roboto": 3, "Cousine": 4, "Liberation Mono": 4, "Nimbus Mono PS": 3, "FreeMono": 2, "DejaVu Sans Mono": 2,
    "Liberation Sans Narrow": 4, "Nimbus Sans Narrow": 3, "PT Sans Narrow": 3, "Noto Sans": 3, "Noto Serif": 3,
    "DejaVu Serif": 3, "CMU Serif": 3,
}  # fmt: skip
MONO = ("Mono", "Courier", "Typewriter", "Code", "Hack", "Cousine", "Agave", "mononoki", "Anonymous")
SERIF = (
    "Serif", "Roman", "Tinos", "Libertine", "Standard", "Charis", "Doulos", "Gentium", "Vollkorn", "Garamond", "C059",
    "P052", "Bookman", "Palladio", "Schoolbook", "Classical", "STIX", "Caladea", "Junicode", "Cardo",
)  # fmt: skip
SLAB = ("Slab", "Concrete")
log = logging.getLogger("training.fonts")


@dataclass(frozen=True)
class Face:
    """One font file (or member of a collection)."""

    path: str
    index: int
    family: str
    style: str
    kind: str
    chars: str

    @cached_property
    def covered(self) -> frozenset[str]:
        """Characters that this face draws."""
        return frozenset(self.chars)

    @property
    def plain(self) -> bool:
        """Is this neither bold nor slanted?"""
        return not any(k in self.style for k in ("Italic", "Oblique", "Bold", "Black", "Heavy", "Light"))

    @property
    def held_out(self) -> bool:
        """Is this face for the test set only?"""
        return self.family.startswith(HELD_OUT)


def faces(cache: Path) -> list[Face]:
    """All usable faces of this machine, remembered in `cache` (JSON)."""
    if not cache.exists():
        found = _scan()
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.write_text(json.dumps([asdict(f) for f in found], ensure_ascii=False), "utf-8")
        log.info("%d faces in %d families", len(found), len({f.family for f in found}))
    return [Face(**entry) for entry in json.loads(cache.read_text("utf-8"))]


def _scan() -> list[Face]:
    listing = subprocess.run(
        ["fc-list", "--format", "%{file}\t%{index}\t%{family[0]}\t%{style[0]}\t%{variable}\n", ":lang=ru"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    found: dict[tuple[str, str], Face] = {}
    for row in sorted(set(listing.splitlines())):
        path, index, family, style, variable = row.split("\t")
        if variable == "True" or not path.endswith((".ttf", ".otf", ".ttc")):
            continue
        if any(x in family for x in EXCLUDED) or any(x in style for x in EXCLUDED_STYLES):
            continue
        covered = _covered(path, int(index))
        if set(RUSSIAN + RUSSIAN.upper()) <= covered:
            found.setdefault(
                (family, style), Face(path, int(index), family, style, _kind(family, style), "".join(sorted(covered)))
            )
    return list(found.values())


def _covered(path: str, index: int) -> set[str]:
    font = TTCollection(path).fonts[index] if path.endswith(".ttc") else TTFont(path, lazy=True)
    cmap = font.getBestCmap()
    return {c for c in charset() if ord(c) in cmap and cmap[ord(c)] != ".notdef"} | {" "}


def _kind(family: str, style: str) -> str:
    names = ((MONO, "mono"), (SLAB, "slab"), (("Sans Serif",), "sans"), (SERIF, "serif"))
    base = next((kind for keys, kind in names if any(k in family for k in keys)), "sans")
    narrow = "-narrow" if any(k in family + style for k in ("Narrow", "Condensed")) else ""
    return base + narrow + ("-italic" if any(k in style for k in ("Italic", "Oblique")) else "")


class FontBook:
    """Picks a face that covers a text: first the family by weight, then its style."""

    def __init__(self, every: list[Face], *, held_out: bool) -> None:
        self.families: dict[str, list[Face]] = defaultdict(list)
        for face in every:
            if face.held_out == held_out:
                self.families[face.family].append(face)
        self.names = sorted(self.families)
        self.weights = [OFFICE.get(name, 1.0) if not held_out else 1.0 for name in self.names]

    def pick(self, rng: random.Random, text: str) -> Face | None:
        """A face for `text`; None if no try found one."""
        needed = set(text)
        want_plain = rng.random() < 0.6
        for _ in range(40):
            family = self.families[rng.choices(self.names, self.weights)[0]]
            face = rng.choice([f for f in family if f.plain] or family) if want_plain else rng.choice(family)
            if needed <= face.covered:
                return face
        return None


@lru_cache(maxsize=3000)
def load(path: str, index: int, size: int) -> ImageFont.FreeTypeFont:
    """The face at a pixel size."""
    return ImageFont.truetype(path, size, index=index, layout_engine=ImageFont.Layout.BASIC)
