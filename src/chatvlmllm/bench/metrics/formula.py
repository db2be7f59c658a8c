r"""How far a formula is from the truth: edit distance of normalised LaTeX.

Rules before comparing: delimiters ($, $$, \[ \], \( \), equation environments), \label, \tag, \nonumber and
final punctuation are dropped; spacing commands and spaces vanish (a space stays after a command before a
letter); \left, \right, \big… vanish; \dfrac and \tfrac become \frac; \mathrm, \text, \operatorname, \mathit,
\textrm, \rm lose the command and keep their argument; \leq \geq \neq \to \dots and a few others get one
spelling; braces around one token are dropped, x_{i} is x_i; scripts are put in one order (subscript first);
primes become ^\prime. The distance is counted over LaTeX tokens (a command is one) and divided by the longer
length: 0…1, 0 is perfect.
"""

from __future__ import annotations

import re

from chatvlmllm.bench.metrics.score import Score, unscored
from chatvlmllm.bench.metrics.text import edits

_DELIMITERS = re.compile(
    r"\$\$?|\\[\[\]()]|\\(?:begin|end)\{(?:equation|displaymath|math|align|gather|multline)\*?\}"
    r"|\\(?:label|tag\*?)\{[^{}]*\}|\\(?:nonumber|notag|displaystyle|textstyle|limits|nolimits)(?![a-zA-Z])"
)
_SPACING = re.compile(r"\\(?:[,;:!> ]|(?:quad|qquad|thinspace|enspace)(?![a-zA-Z]))|~")
_SIZES = re.compile(r"\\(?:left|right|[bB]igg?[lrm]?)(?![a-zA-Z])\.?")
_FONTS = re.compile(r"\\(?:mathrm|text|operatorname\*?|mathit|textrm|textit|rm|mathnormal)(?![a-zA-Z])")
_ALIASES = {
    r"\dfrac": r"\frac", r"\tfrac": r"\frac", r"\cfrac": r"\frac", r"\le": r"\leq", r"\ge": r"\geq", r"\ne": r"\neq",
    r"\rightarrow": r"\to", r"\ldots": r"\dots", r"\cdots": r"\dots", r"\dotsc": r"\dots", r"\dotsb": r"\dots",
    r"\lbrace": r"\{", r"\rbrace": r"\}", r"\vert": "|", r"\Vert": r"\|", r"\lbrack": "[", r"\rbrack": "]",
    r"\ast": "*",
    r"\varepsilon": r"\epsilon", r"\land": r"\wedge", r"\lor": r"\vee", r"\gets": r"\leftarrow", r"\colon": ":",
}  # fmt: skip
_TOKEN = re.compile(r"\\[a-zA-Z]+\*?|\\.|[^\s]")


def tokens(latex: str) -> list[str]:
    """Normalised LaTeX as tokens."""
    plain = _DELIMITERS.sub(" ", latex)
    plain = _SPACING.sub(" ", plain)
    plain = _FONTS.sub(" ", _SIZES.sub(" ", plain)).replace("''", r"^{\prime\prime}").replace("'", r"^{\prime}")
    found = [_ALIASES.get(token, token) for token in _TOKEN.findall(plain)]
    while found and found[-1] in {",", ".", ";"}:
        found.pop()
    return _ordered_scripts(_without_idle_braces(found))


def formula_distance(truth: str, answer: str) -> Score:
    """Token edit distance over the longer length, 0…1."""
    true, said = tokens(truth), tokens(answer)
    if not true:
        return unscored("the truth has no formula")
    found = edits(true, said)
    longer = max(len(true), len(said))
    return Score(found.errors / longer, f"{found} of {longer} LaTeX tokens", longer)


def _without_idle_braces(found: list[str]) -> list[str]:
    """Drop braces around a single token until none is left."""
    changed = True
    while changed:
        changed = False
        for place in range(len(found) - 2):
            if found[place] == "{" and found[place + 2] == "}" and found[place + 1] not in {"{", "}"}:
                found = [*found[:place], found[place + 1], *found[place + 3 :]]
                changed = True
                break
    return found


def _argument(found: list[str], place: int) -> int:
    """Index after the argument that starts at `place`: one token or a braced group."""
    if place >= len(found) or found[place] != "{":
        return min(place + 1, len(found))
    depth = 0
    for index in range(place, len(found)):
        depth += {"{": 1, "}": -1}.get(found[index], 0)
        if depth == 0:
            return index + 1
    return len(found)


def _ordered_scripts(found: list[str]) -> list[str]:
    """x^2_i → x_i^2."""
    place = 0
    while place < len(found):
        if found[place] == "^":
            middle = _argument(found, place + 1)
            if middle < len(found) and found[middle] == "_":
                end = _argument(found, middle + 1)
                found = [*found[:place], *found[middle:end], *found[place:middle], *found[end:]]
                place = end
                continue
        place += 1
    return found
