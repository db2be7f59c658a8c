"""Cases from the user's own files: a folder, one PDF or one picture.

Beside each file stands what is known of it: `<file>.gt.txt` (or `<stem>.gt.txt`), `.gt.md`, `.fields.json`,
`.table.html` or `.html`, `.formulas.tex`. In a file of several pages the truths of the pages are parted by form feeds.
A PDF without a truth but with a text layer of its own that can be believed is drawn as pictures, and its layer is the
truth. Files without any truth are passed over.

The kind of a document is `kind` (or `type`) of its fields, else the name of its folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from chatvlmllm import forms
from chatvlmllm.bench.cases.case import Case, Truth, Wish
from chatvlmllm.bench.cases.recipes import DPI, movement, png, spoil
from chatvlmllm.bench.truth import POINTS_PER_INCH, Box, PageTruth, of_pdf
from chatvlmllm.document import open_document
from chatvlmllm.errors import UnreadableTruth

PICTURES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"}
#: A page whose layer has fewer words is not worth measuring.
_FEWEST_WORDS = 5


def cases(path: Path, wish: Wish) -> Iterator[Case]:
    """Cases of a file or of every file under a folder, in the order of their names."""
    root = path if path.is_dir() else path.parent
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in files:
        suffix = file.suffix.lower()
        if suffix in PICTURES or suffix == ".pdf":
            known = beside(file)
            if known:
                yield from _labelled(file, root, known)
            elif suffix == ".pdf":
                yield from layered(file, root, wish)


def beside(file: Path) -> dict[str, str]:
    """The contents of the truth files beside a document by what they hold: text, markdown, fields, tables, formulas."""
    endings = {
        "text": (".gt.txt",),
        "markdown": (".gt.md",),
        "fields": (".fields.json",),
        "tables": (".table.html", ".html"),
        "formulas": (".formulas.tex",),
    }
    found = {}
    for what, choices in endings.items():
        for ending in choices:
            for place in (file.with_name(file.name + ending), file.with_name(file.stem + ending)):
                if place.is_file() and what not in found:
                    found[what] = _text(place)
    return found


def _text(place: Path) -> str:
    try:
        return place.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableTruth(name=place, reason=error) from error


def _labelled(file: Path, root: Path, known: dict[str, str]) -> Iterator[Case]:
    """One case per page whose truth is known."""
    fields = _fields(known["fields"], file) if "fields" in known else {}
    kind = str(fields.get("kind") or fields.get("type") or _folder(file, root))
    texts = known["text"].split("\f") if "text" in known else [None]
    for index, text in enumerate(texts):
        alone = len(texts) == 1
        truth = Truth(
            text=text.strip("\n") if text is not None else None,
            tables=tuple(_tables(known.get("tables", ""))) if alone else (),
            formulas=tuple(line for line in known.get("formulas", "").splitlines() if line.strip()) if alone else (),
            markdown=known.get("markdown") if alone else None,
            form=kind if kind in forms.forms() else "",
            fields=_wanted(fields, kind) if alone else None,
        )
        yield Case(
            id=_id(file, root, index, several=not alone),
            kind=kind,
            data=str(root),
            truth=truth,
            draw=drawing(file, index),
            suffix=_suffix(file, alone),
        )


def _suffix(file: Path, alone: bool) -> str:
    """Pictures are given out as they are; pages of PDFs and of multi-page files are drawn."""
    return file.suffix.lower() if alone and file.suffix.lower() != ".pdf" else ".png"


def drawing(file: Path, index: int) -> Callable[[], bytes]:
    """A function that gives page `index` (from 0) of a file as the bytes of a picture."""
    if file.suffix.lower() == ".pdf":
        return lambda: png(_rendered(file, index))

    def draw() -> bytes:
        data = file.read_bytes()
        with open_document(data, name=file.name) as document:
            return data if len(document) == 1 else png(next(document.pages([index + 1])).image())

    return draw


def _rendered(file: Path, index: int) -> Any:
    """A page of a PDF as an RGB picture at 200 dpi."""
    import pypdfium2

    pdf = pypdfium2.PdfDocument(file)
    try:
        return pdf[index].render(scale=DPI / POINTS_PER_INCH).to_pil().convert("RGB")
    finally:
        pdf.close()


def layered(file: Path, root: Path, wish: Wish) -> Iterator[Case]:
    """Pages of a born-digital PDF, once per degradation; none for a scan."""
    with open_document(file) as document:
        layers = [page.text_layer() for page in document.pages()]
    truths = of_pdf(file.read_bytes(), DPI)
    for index, (layer, page) in enumerate(zip(layers, truths, strict=True)):
        if layer is None or layer.doubt is not None or len(page.words) < _FEWEST_WORDS:
            continue
        for name in wish.degradations:
            yield Case(
                id=f"{_id(file, root, index, several=len(layers) > 1)}-{name}",
                kind=_folder(file, root),
                data=str(root),
                truth=Truth(text=page.text, words=_moved(page, name, wish.seed)),
                draw=_spoiled(file, index, name, wish.seed),
                degradation=name,
            )


def _moved(page: PageTruth, name: str, seed: int) -> tuple[tuple[str, Box], ...]:
    moved = movement((page.width, page.height), name, seed)
    return tuple((word.text, moved.box(word.box)) for word in page.words)


def _spoiled(file: Path, index: int, name: str, seed: int) -> Callable[[], bytes]:
    return lambda: png(spoil(_rendered(file, index), name, seed)[0])


def _id(file: Path, root: Path, index: int, *, several: bool) -> str:
    name = file.relative_to(root).as_posix()
    return f"{root.name}/{name}" + (f"-p{index + 1}" if several else "")


def _folder(file: Path, root: Path) -> str:
    return file.parent.name if file.parent != root else root.name or "documents"


def _tables(html: str) -> list[str]:
    return [part + "</table>" for part in html.split("</table>") if "<table" in part.lower()]


def _fields(text: str, file: Path) -> dict[str, Any]:
    try:
        found = json.loads(text)
        if not isinstance(found, dict):
            raise TypeError("{ … }")
    except (ValueError, TypeError) as error:
        raise UnreadableTruth(name=f"{file.name}.fields.json", reason=error) from error
    return found


def _wanted(fields: dict[str, Any], kind: str) -> dict[str, Any] | None:
    """Values under keys that the document type has; what it does not know cannot be asked of it."""
    if kind not in forms.forms():
        return None
    form = forms.find(kind)
    known = {*form.fields, *form.groups}
    values = fields.get("fields", fields)
    return {key: value for key, value in values.items() if key in known} or None
