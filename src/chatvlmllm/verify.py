"""Is a finished result true to its scan? Works on any text, whoever read it.

Pages of a text are told apart by form feeds or by this program's page comments; a text without them is compared with
all pages of the scan together.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from chatvlmllm import hearing, routing
from chatvlmllm.document import Document, open_document
from chatvlmllm.engines.host import Host
from chatvlmllm.errors import FileMissing, PageOutOfRange, UnreadableResult
from chatvlmllm.exchange import Stop
from chatvlmllm.geometry import Size
from chatvlmllm.reading import Evidence, Verdict, Word
from chatvlmllm.run import from_json, overall
from chatvlmllm.trust.blank import measure
from chatvlmllm.trust.examine import examine
from chatvlmllm.trust.looks import Look
from chatvlmllm.trust.scripts import suspicious
from chatvlmllm.trust.verdict import Course, decide

if TYPE_CHECKING:
    from PIL.Image import Image

    from chatvlmllm.config import Settings

_PAGE_BREAK = re.compile(r"\f|<!-- page \d+ -->")


@dataclass(frozen=True, slots=True)
class Check:
    """One page, or the pages `pages` together, of a result: the verdict on its `text` and what it rests on."""

    pages: str
    verdict: Verdict
    evidence: Evidence
    text: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The checks of a whole result; `verdict` is the worst of theirs."""

    result: str
    scan: str
    verdict: Verdict
    checks: tuple[Check, ...]


def verify(result: Path, scan: Path, languages: Sequence[str], settings: "Settings") -> Iterator[Check]:
    """Check every page of `result` against the same page of `scan`; raises an InputError for what cannot be opened."""
    texts = _texts(result)
    with open_document(scan, limits=settings.limits) as document, Host(settings) as host:
        if len(texts) == 1 and None in texts:
            yield _together(texts[None], document, tuple(languages), host)
            return
        for number, text in texts.items():
            assert number is not None
            if number > len(document):
                raise PageOutOfRange(name=document.name, page=number, pages=len(document))
            image = next(document.pages([number])).image()
            yield _check(str(number), text, image, tuple(languages), host)


def report(result: str, scan: str, checks: Sequence[Check]) -> Report:
    """All checks with the verdict on the whole."""
    return Report(result, scan, overall(check.verdict for check in checks), tuple(checks))


def _texts(result: Path) -> dict[int | None, str]:
    """The text of every page of a result; the key None stands for a text that does not tell pages apart."""
    try:
        content = result.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise FileMissing(name=result) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableResult(name=result, reason=error) from error
    if result.suffix.lower() == ".json":
        try:
            run = from_json(content)
        except ValueError as error:
            raise UnreadableResult(name=result, reason=str(error).splitlines()[0]) from error
        return {reading.page: reading.text for reading in run.readings}
    pages = _PAGE_BREAK.split(content)
    return dict(enumerate(pages, start=1)) if len(pages) > 1 else {None: content}


def _check(pages: str, text: str, image: "Image", languages: tuple[str, ...], host: Host) -> Check:
    def ask(look: Look) -> Sequence[Word]:
        return hearing.look_at(image, routing.witnesses(), look, host)

    size = Size(*image.size)
    words = () if measure(image).blank else ask(hearing.first_look(size, languages))
    return _decided(pages, text, examine(text, words, size, languages, ask))


def _together(text: str, document: Document, languages: tuple[str, ...], host: Host) -> Check:
    """A text without pages, against the words of all pages; boxes of doubts are then in the pixels of their page."""
    if len(document) == 1:
        return _check("1", text, next(document.pages()).image(), languages, host)
    words: list[Word] = []
    for page in document.pages():
        words += hearing.look_at(page.image(), routing.witnesses(), hearing.first_look(page.size, languages), host)
    # Nobody knows on which page to look again, so what differs stays unconfirmed and decides nothing alone.
    evidence = examine(text, words, Size(1, 1), languages, lambda _: ())
    return _decided(f"1–{len(document)}", text, evidence)


def _decided(pages: str, text: str, evidence: Evidence) -> Check:
    doubts, repairs = suspicious(text)
    marked = tuple(sorted((*evidence.doubts, *doubts), key=lambda doubt: (doubt.start, doubt.end)))
    evidence = replace(evidence, doubts=marked, repairs=repairs, witness=routing.witnesses()[0].key)
    course = Course(stop=Stop.END, text=text, empty=not text.strip())
    verdict, reasons = decide(course, evidence)
    return Check(pages, verdict, replace(evidence, reasons=reasons), text)
