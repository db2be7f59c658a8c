"""Pieces that several pages share: the server of this session, errors, badges, sentences about results."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from chatvlmllm import messages
from chatvlmllm.errors import ChatVLMLLMError, ServerUnreachable
from chatvlmllm.reading import Notice, Reading, Stage, Verdict
from chatvlmllm.trust.confidence import grade
from chatvlmllm.ui import formulas, launch, safe
from chatvlmllm.ui.remote import Remote
from chatvlmllm.ui.words import language, say

if TYPE_CHECKING:
    from chatvlmllm.client import Client

#: Seconds: a server that reads answers at once; drawing a page or loading a model may take long.
_PATIENCE = 300.0

#: How a verdict looks; the word beside it says the same.
TONES = {
    Verdict.OK: "good",
    Verdict.BLANK: "good",
    Verdict.FELL_BACK: "fair",
    Verdict.TRUNCATED: "fair",
    Verdict.LOOPED: "fair",
    Verdict.UNSUPPORTED: "poor",
    Verdict.REFUSED: "poor",
    Verdict.FAILED: "poor",
}

#: A sign for a verdict where there is no room for its word.
SIGNS = {"good": "✓", "fair": "!", "poor": "✗"}


def remote() -> Remote:
    """The server, asked in the language of this session; raises ServerUnreachable when there is none."""
    found = launch.address()
    if found is None:
        raise ServerUnreachable(url="—", reason="—")
    return Remote(_client(found.url, found.key, language()))


@lru_cache(maxsize=8)
def _client(url: str, key: str, spoken: str) -> "Client":
    """One client for all pages: connections are kept, and threads may share it."""
    from chatvlmllm.client import Client

    return Client(url, key, language=spoken, seconds=_PATIENCE)


@contextmanager
def told() -> Iterator[None]:
    """An error of the server is shown here in words: what happened and what to do."""
    try:
        yield
    except ChatVLMLLMError as refused:
        error(refused)


def error(refused: ChatVLMLLMError) -> None:
    st.error("  \n".join(map(safe.label, sentences(refused))))


def sentences(refused: ChatVLMLLMError) -> list[str]:
    """What happened and what to do, in the language of this session."""
    if isinstance(refused, ServerUnreachable):
        return [say("errors.unreachable", url=refused.details["url"]), say("errors.unreachable_hint")]
    return [line for line in (refused.message(language()), refused.hint(language())) if line]


def markdown(text: str, name: str = "") -> None:
    """A text that a model or a document wrote: drawn, formulas included, and unable to do anything."""
    for drawn, piece in formulas.pieces(text):
        if drawn:
            st.markdown(piece)
        else:
            st.html(f'<div class="paper {name}">{piece}</div>')


def badge(text: str, tone: str) -> str:
    """A short word on a coloured ground, as HTML."""
    return f'<span class="badge {tone}">{escape(text)}</span>'


def verdict(found: Verdict | str) -> str:
    """A verdict in words."""
    return messages.render(f"export.verdict.{Verdict(found)}", language())


def staged(stage: Stage) -> str:
    """Which of two stages it was; nothing where there was one."""
    return "" if stage is Stage.WHOLE else messages.render(f"stages.{stage}", language()) + ": "


def worded(reason: str) -> str:
    """A stable word as a sentence; anything else is one already."""
    key = f"reasons.{reason}"
    return messages.render(key, language()) if key in messages.catalogue(language()) else reason


def noticed(notice: Notice) -> str:
    """A caveat in words."""
    return messages.render(f"notices.{notice.code}", language(), notice.details)


def confidence(reading: Reading) -> tuple[str, str]:
    """What is known of a page's confidence, in words and as a tone: only a calibrated one is named."""
    if reading.evidence.calibration is None or reading.confidence is None:
        return say("result.no_confidence"), "none"
    found = grade(reading.confidence)
    word = messages.render(f"grades.{found}", language()).lower()
    return say("result.confidence", word=word, percent=round(100 * reading.confidence)), str(found)


def models() -> list[dict[str, Any]]:
    """The server's models; asked once per run of a page."""
    try:
        return remote().models()
    except ChatVLMLLMError as refused:
        error(refused)
        return []


def failed(why: Mapping[str, Any]) -> tuple[str, str]:
    """A failure that was stored in English, in the language of this session: what happened, and what to do."""
    try:
        values = why.get("details", {})
        sentences = (messages.render(f"errors.{why['code']}.{part}", language(), values) for part in ("what", "hint"))
        what, hint = sentences
    except KeyError:
        return str(why["message"]), str(why.get("hint", ""))
    return what, hint
