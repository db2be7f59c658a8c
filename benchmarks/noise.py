"""A true page as a vision-language model says it when nothing is wrong with its answer. Deterministic by seed.

Models write Markdown or HTML, read columns and tables in an order of their own, prefer their own quotes, dashes and
decimal signs, join hyphenated words and misread a letter now and then. None of that is a reason to distrust a page.
No digit, no line and no sentence is changed, added or left out.
"""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random

#: One word in so many of at least `_LONG` letters is said with another letter.
_MISREAD = 60
_LONG = 5
_LETTERS = "абвгдеиклмнопрстуя"
_SIGNS = str.maketrans({"«": '"', "»": '"', "“": '"', "”": '"', "—": "-", "–": "-", "ё": "е", "\u00a0": " "})
_DECIMAL = re.compile(r"(?<=\d),(?=\d\d$)")

Lines = list[list[str]]


def said(lines: Sequence[Sequence[str]], seed: str) -> Lines:
    """The lines in a model's words and order; each kind of liberty is taken on about half of the pages."""
    rng = Random(f"noise/{seed}")
    out = [list(line) for line in lines]
    for liberty in (_moved, _misread, _signs, _decimals, _rejoined, _marked):
        if liberty is _misread or rng.random() < 0.5:
            out = liberty(out, rng)
    return out


def _moved(lines: Lines, rng: Random) -> Lines:
    """Two neighbouring groups of lines change places."""
    if len(lines) < 6:
        return lines
    first = rng.randrange(0, len(lines) - 4)
    middle, last = first + rng.randint(1, 2), first + rng.randint(3, 4)
    return [*lines[:first], *lines[middle:last], *lines[first:middle], *lines[last:]]


def _misread(lines: Lines, rng: Random) -> Lines:
    """Here and there a letter inside a long Russian word is another one."""

    def word(text: str) -> str:
        letters = [n for n, char in enumerate(text) if n and "а" <= char <= "я"]
        if len(letters) < _LONG or rng.randrange(_MISREAD):
            return text
        place = rng.choice(letters)
        return text[:place] + rng.choice(_LETTERS) + text[place + 1 :]

    return _each(lines, word)


def _signs(lines: Lines, _rng: Random) -> Lines:
    """Plain quotes and dashes, е for ё, No for №."""
    return _each(lines, lambda word: word.translate(_SIGNS).replace("№", "No "))


def _decimals(lines: Lines, _rng: Random) -> Lines:
    """A point where the page has a decimal comma."""
    return _each(lines, lambda word: _DECIMAL.sub(".", word))


def _rejoined(lines: Lines, _rng: Random) -> Lines:
    """A word parted by a hyphen at the end of a line is said whole."""
    out = [list(line) for line in lines]
    for upper, lower in pairwise(out):
        if upper and lower and len(upper[-1]) > 2 and upper[-1][-1] == "-" and upper[-1][-2].isalpha():
            upper[-1] = upper[-1][:-1] + lower.pop(0)
    return [line for line in out if line]


def _marked(lines: Lines, rng: Random) -> Lines:
    """Headings and bold words, or rows of a table, in Markdown or HTML."""
    html = rng.random() < 0.5
    out: Lines = []
    for line in lines:
        chance = rng.random()
        if chance < 0.1:
            out.append(["<h2>", *line, "</h2>"] if html else ["##", *line])
        elif chance < 0.2:
            out.append(["<b>", *line, "</b>"] if html else [f"**{line[0]}**", *line[1:]])
        elif chance < 0.5 and len(line) > 2:
            open_, between, close = ("<tr><td>", "</td><td>", "</td></tr>") if html else ("|", "|", "|")
            cut = rng.randrange(1, len(line))
            out.append([open_, *line[:cut], between, *line[cut:], close])
        else:
            out.append(line)
    return out


def _each(lines: Lines, change: Callable[[str], str]) -> Lines:
    return [[change(word) for word in line] for line in lines]
