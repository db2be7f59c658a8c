r"""Tolerant JSON: everything that can be saved from what a model meant as JSON, and an account of what could not.

On valid JSON it agrees with `json.loads`, except that numbers stay as written (`Bare`). Beyond that it accepts code
fences and prose around values, raw line breaks and other control characters inside strings, unescaped inner quotes,
missing or trailing commas, glued objects, missing brackets, single quotes, and a cut at any place: complete values are
kept, an open string is kept up to the cut, a number that touches the cut is not, as its last digits may be missing.
Backslashes that begin no JSON escape stay (LaTeX); so do those of `\beta` and `\frac`, since no page has a backspace
or a form feed before a letter, and of a few commands such as `\times` that are no word after a tab. Does not cover
JSON5 comments or expressions; nothing is ever evaluated. Linear time, no recursion.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | bool | None"

#: Deeper nesting than this is noise such as `[[[[…`; its brackets are skipped.
DEEPEST = 64

_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "True": True, "False": False,
                                  "None": None, "NaN": None, "Infinity": None, "-Infinity": None}  # fmt: skip
_WORD = rf"(?:{'|'.join(_WORDS)})\b"

_TOKEN = re.compile(r"""\s*(?:([{\[])|([}\]])|(["'])|([,:])|([^\s{}\[\]"',:]+))""")
_START = re.compile(rf"""\{{(?=\s*(?:["'{{}}]|[A-Za-z_]\w*\s*:|\Z))|\[(?=\s*(?:["'{{\[\]]|-?\d|{_WORD}|\Z))""")
_NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_NAME = re.compile(r"[A-Za-z_]\w*")
_COLON = re.compile(r"\s*:")
# A key ends at its next quote, so that looking for one from every quote of a text costs no more than reading it twice.
_KEY = r"""(?:"[^"\\]*(?:\\.[^"\\]*)*(?:"\s*(?::|\Z)|\Z)|'[^'\\]*(?:\\.[^'\\]*)*(?:'\s*(?::|\Z)|\Z))"""
_OBJECT = r"""\{\s*"[A-Za-z_]\w{0,40}"\s*:"""
_AFTER_VALUE = {
    "member": re.compile(rf"\s*(?:\}}|\]\s*(?:[\]}},]|\Z)|\Z|,?\s*{_OBJECT}|,\s*(?:\}}|\Z|{_KEY})|{_KEY})", re.DOTALL),
    "item": re.compile(rf"""\s*(?:[\]}}:\[{{]|\Z|,\s*(?:["'\[{{\]\-\d]|{_WORD}|\Z))"""),
}
_NEW_OBJECT = re.compile(r""""[A-Za-z_]\w{0,40}"\s*:""")
_RUNS = {quote: re.compile(rf"[^{quote}\\]*(?:\\.[^{quote}\\]*)*", re.DOTALL) for quote in "\"'"}

_WHOLE_ESCAPES = re.compile(r"(?:[^\\]|\\u[0-9a-fA-F]{4}|\\[^u])*", re.DOTALL)
_ESCAPE = re.compile(
    r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
    r"|\\u(?![dD][89a-fA-F])([0-9a-fA-F]{4})"
    r"|\\([\"'\\/]|[bf](?![A-Za-z])"
    r"|n(?!(?:abla|eq|otin)\b)|r(?!(?:ho|ight|ightarrow|angle|ceil|floor)\b)"
    r"|t(?!(?:imes|heta|au|riangle|frac|ilde)\b|ext(?:bf|it|rm)?\{))"
    r"|\\(?s:.)"
)
_SIMPLE = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_FENCE = re.compile(r"```\w*|[\s,;\]}]")


class Bare(str):
    """A number exactly as written: `1.50` and `007` keep their digits."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Salvaged:
    """The top-level objects and arrays of a text, and how they were got.

    `prose` counts visible characters outside of them, `skipped` those inside that meant nothing, `repairs` the places
    where the grammar was bent; `cut` tells that the text ended inside a value.
    """

    values: tuple[Json, ...]
    prose: int = 0
    skipped: int = 0
    repairs: int = 0
    cut: bool = False


def salvage(text: str) -> Salvaged:
    """All objects and arrays of `text` in order; never raises."""
    return _Parser(text).run()


def objects(values: tuple[Json, ...]) -> Iterator[dict[str, Json]]:
    """Every object within `values`, in the order of their opening braces."""
    waiting: list[Json] = list(reversed(values))
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(reversed(value.values()))
        elif isinstance(value, list):
            waiting.extend(reversed(value))


def unescape(text: str) -> str:
    """The characters that the inside of a JSON string stands for; unknown escapes and lone surrogates stay."""
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(found: re.Match[str]) -> str:
    high, low, code, simple = found.groups()
    if high:
        return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00)
    if code:
        return chr(int(code, 16))
    if simple:
        return _SIMPLE.get(simple, simple)
    return found[0]


class _Frame:
    """An open object or array; `key` is the name whose value is awaited."""

    __slots__ = ("key", "value")

    def __init__(self, value: dict[str, Json] | list[Json]) -> None:
        self.value = value
        self.key: str | None = None

    @property
    def awaits_key(self) -> bool:
        return isinstance(self.value, dict) and self.key is None


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.stack: list[_Frame] = []
        self.values: list[Json] = []
        self.too_deep = self.prose = self.skipped = self.repairs = 0
        self.cut = False

    def run(self) -> Salvaged:
        while (start := _START.search(self.text, self.at)) is not None:
            self._outside(self.text[self.at : start.start()])
            self.at = start.start()
            self._value()
        self._outside(self.text[self.at :])
        return Salvaged(tuple(self.values), self.prose, self.skipped, self.repairs, self.cut)

    def _outside(self, text: str) -> None:
        self.prose += len(_FENCE.sub("", text))

    def _value(self) -> None:
        """Reads one top-level value, from its opening bracket to its end or the end of the text."""
        self._open(self.text[self.at])
        self.at += 1
        while self.stack:
            token = _TOKEN.match(self.text, self.at)
            if token is None:
                self.cut, self.at = True, len(self.text)
                self.stack.clear()
                return
            self._token(token)

    def _token(self, token: re.Match[str]) -> None:
        self.at = token.end()
        opening, closing, quote, mark, bare = token.groups()
        if opening:
            self._open(opening)
        elif closing:
            self._close(closing)
        elif quote:
            self._string(quote)
        elif mark:
            self._mark(mark)
        else:
            self._bare(bare)

    def _open(self, bracket: str) -> None:
        while self.stack and self.stack[-1].awaits_key:  # an object that was never closed
            self.stack.pop()
            self.repairs += 1
        if len(self.stack) >= DEEPEST:
            self.too_deep += 1
            self.skipped += 1
            return
        value: dict[str, Json] | list[Json] = {} if bracket == "{" else []
        self._store(value)
        self.stack.append(_Frame(value))

    def _store(self, value: Json) -> None:
        """Puts `value` where it belongs: attached when opened, so that a cut loses nothing."""
        frame = self.stack[-1] if self.stack else None
        if frame is None:
            self.values.append(value)
        elif isinstance(frame.value, list):
            frame.value.append(value)
        elif frame.key is not None:
            frame.value[frame.key] = value
            frame.key = None

    def _close(self, bracket: str) -> None:
        if self.too_deep:
            self.too_deep -= 1
            self.skipped += 1
            return
        wanted = dict if bracket == "}" else list
        depths = [i for i, frame in enumerate(self.stack) if isinstance(frame.value, wanted)]
        if not depths:
            self.repairs += 1
            return
        self.repairs += len(self.stack) - 1 - depths[-1]
        if self.stack[depths[-1]].key is not None:
            self.repairs += 1
        del self.stack[depths[-1] :]

    def _mark(self, mark: str) -> None:
        frame = self.stack[-1]
        if mark == "," and frame.key is not None:  # a name without a value
            frame.key = None
            self.repairs += 1
        elif mark == ":":
            self.repairs += 1

    def _bare(self, word: str) -> None:
        frame = self.stack[-1]
        if frame.awaits_key:
            colon = _COLON.match(self.text, self.at)
            if colon and _NAME.fullmatch(word):
                frame.key, self.at = word, colon.end()
                self.repairs += 1
            else:
                self.skipped += len(word)
        elif self.at == len(self.text):
            self.skipped += len(word)  # its last characters may be missing
        elif _NUMBER.fullmatch(word):
            self._store(Bare(word))
        elif word in _WORDS:
            self._store(_WORDS[word])
        else:
            self.skipped += len(word)

    def _string(self, quote: str) -> None:
        frame = self.stack[-1]
        if frame.awaits_key:
            self._key(quote)
            return
        role: Literal["member", "item"] = "item" if isinstance(frame.value, list) else "member"
        start = self.at
        end = self._end(quote, role)
        text = unescape(self.text[start:end])
        below = self.stack[-2] if len(self.stack) > 1 else None
        colon = _COLON.match(self.text, self.at)
        if role == "item" and colon and below is not None and below.awaits_key:
            self.stack.pop()  # the array before this name was never closed
            self.stack[-1].key, self.at = text, colon.end()
            self.repairs += 1
        else:
            self._store(text)

    def _key(self, quote: str) -> None:
        found = _RUNS[quote].match(self.text, self.at)
        end = found.end() if found else len(self.text)
        text = self.text[self.at : end]
        self.at = min(end + 1, len(self.text))
        colon = _COLON.match(self.text, self.at)
        if colon:
            self.stack[-1].key, self.at = unescape(text), colon.end()
        else:
            self.skipped += len(text)
            self.repairs += 1

    def _end(self, quote: str, role: Literal["member", "item"]) -> int:
        """Where the string that begins here ends; moves behind its closing quote."""
        start = self.at
        while True:
            run = _RUNS[quote].match(self.text, self.at)
            self.at = run.end() if run else len(self.text)
            if self.at >= len(self.text) or self.text[self.at] == "\\":
                return self._cut_string(start)
            if _AFTER_VALUE[role].match(self.text, self.at + 1):
                self.at += 1
                return self.at - 1
            self.repairs += 1
            brace = self._lost_end(start) if quote == '"' else None
            if brace is not None:
                self.at = brace
                return brace
            self.at += 1

    def _cut_string(self, start: int) -> int:
        self.at, self.cut = len(self.text), True
        complete = _WHOLE_ESCAPES.match(self.text, start)
        return complete.end() if complete else start

    def _lost_end(self, start: int) -> int | None:
        """The brace before this quote when both begin a new object, so that the string must have been left open."""
        head = self.text[max(start, self.at - 8) : self.at].rstrip()
        if head.endswith("{") and _NEW_OBJECT.match(self.text, self.at):
            return max(start, self.at - 8) + len(head) - 1
        return None
