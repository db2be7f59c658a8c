"""Words for drawn lines: inflected forms from Debian's hunspell dictionaries, prose from free Russian manuals.

Covers: the part of the affix format that the listed dictionaries use (SFX and PFX with conditions, all four flag
kinds). Does not cover: compounding, twofold affixes, exact agreement with hunspell; a form too many does no harm here.
"""

from __future__ import annotations

import gzip
import html
import logging
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from charset import charset, fold

HUNSPELL = Path("/usr/share/hunspell")
DICTIONARIES = {
    "ru": "ru_RU", "uk": "uk_UA", "be": "be_BY", "kk": "kk_KZ", "bg": "bg_BG", "sr": "sr_RS", "en": "en_US",
    "de": "de_DE", "fr": "fr", "pl": "pl_PL", "cs": "cs_CZ", "hr": "sr_Latn_RS",
}  # fmt: skip
log = logging.getLogger("training.words")


@dataclass
class Dictionary:
    """Stems with their flags and, by flag, the affixes (is it a prefix, strip, add, condition)."""

    stems: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    affixes: dict[str, list[tuple[bool, str, str, re.Pattern[str]]]] = field(default_factory=dict)

    def draw(self, rng: random.Random) -> str:
        """A stem, most of the time with one fitting affix."""
        word, flags = self.stems[int(rng.random() * len(self.stems))]
        if not flags or rng.random() < 0.25:
            return word
        rules = self.affixes.get(flags[int(rng.random() * len(flags))], ())
        fitting = [r for r in rules if r[3].search(word) and (word.startswith(r[1]) if r[0] else word.endswith(r[1]))]
        if not fitting:
            return word
        prefix, strip, add, _ = fitting[int(rng.random() * len(fitting))]
        return add + word[len(strip) :] if prefix else word[: len(word) - len(strip)] + add


def load(language: str) -> Dictionary:
    """Read one dictionary; only forms that the charset can write are kept."""
    name = DICTIONARIES[language]
    raw = (HUNSPELL / f"{name}.aff").read_bytes()
    match = re.search(rb"^SET\s+(\S+)", raw, re.MULTILINE)
    encoding = match.group(1).decode().replace("ISO8859", "iso8859") if match else "utf-8"
    known = set(charset())
    result = Dictionary()
    kind, aliases = "short", []
    for line in raw.decode(encoding, "replace").splitlines():
        part = line.split()
        if len(part) > 1 and part[0] == "FLAG":
            kind = part[1].lower()
        elif len(part) == 2 and part[0] == "AF":
            aliases.append(part[1])
        elif len(part) >= 5 and part[0] in ("SFX", "PFX") and not (part[2] in "YN" and part[3].isdigit()):
            _add_affix(result, part, known)
    for line in (HUNSPELL / f"{name}.dic").read_text(encoding, "replace").splitlines()[1:]:
        entry = line.split()[0] if line.split() else ""
        word, _, flags = entry.partition("/")
        word = fold(word)
        if 1 <= len(word) <= 22 and set(word) <= known and word[-1].isalpha():
            result.stems.append((word, _flags(flags, kind)))
    log.info("%s: %d stems, %d affix classes", language, len(result.stems), len(result.affixes))
    return result


def _add_affix(result: Dictionary, part: list[str], known: set[str]) -> None:
    strip, add = ("" if p == "0" else p for p in part[2:4])
    add = add.partition("/")[0].replace("0", "")
    condition = part[4].partition("/")[0]
    if not set(add) <= known:
        return
    prefix = part[0] == "PFX"
    try:
        pattern = re.compile("^" + condition if prefix else condition + "$")
    except re.error:
        return
    result.affixes.setdefault(part[1], []).append((prefix, strip, add, pattern))


def _flags(flags: str, kind: str) -> tuple[str, ...]:
    if kind == "num":
        return tuple(f for f in flags.split(",") if f)
    if kind == "long":
        return tuple(flags[i : i + 2] for i in range(0, len(flags), 2))
    return tuple(flags)


def prose() -> list[str]:
    """Russian sentences of free manuals: man pages (GPL-3+) and the GIMP handbook (GFDL), mark-up removed."""
    known = set(charset())
    found: dict[str, None] = {}
    for paragraph in (*_manuals(), *_handbook()):
        for sentence in re.split(r"(?<=[.!?;:])\s+", fold(paragraph)):
            cyrillic = sum("а" <= c.lower() <= "я" for c in sentence)
            if 20 <= len(sentence) <= 400 and cyrillic > 0.55 * len(sentence) and set(sentence) <= known:
                found[sentence] = None
    log.info("prose: %d sentences", len(found))
    return sorted(found)


def _manuals() -> Iterator[str]:
    for path in sorted(Path("/usr/share/man/ru").glob("man[1578]/*.gz")):
        text = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
        text = re.sub(r"^\.(B|I|BR|IR|RB|RI|BI|IB)\s+", "", text, flags=re.MULTILINE)
        text = re.sub(r"\\f[BIRP]|\\f\(..|\\&|\\/|\\,", "", text)
        text = re.sub(r"\\\((aq|dq|lq|rq|em|en|bu|co)|\\\[[^\]]*\]|\\[a-z]\S*", "", text).replace("\\-", "-")
        for block in re.split(r"\n(?:\.[^\n]*\n?|\s*\n)+", text):
            if "\\" not in block and not block.startswith("."):
                yield block.replace("\n", " ")


def _handbook() -> Iterator[str]:
    for path in sorted(Path("/usr/share/gimp/2.0/help/ru").glob("*.html")):
        text = path.read_text("utf-8", "replace")
        for block in re.findall(r"<p>(.*?)</p>", text, re.DOTALL):
            yield html.unescape(re.sub(r"<[^>]+>", "", block)).replace("\n", " ")
