"""Cases from published sets in their own layouts, as they are downloaded; nothing is fetched here.

* OmniDocBench: a folder with `OmniDocBench.json` and `images/`. The text is that of all blocks in their order; tables,
  formulas, kinds and places of blocks come from the annotation. Blocks marked `ignore` and masks are left out.
* olmOCR-bench: JSON lines of facts beside (or one level above) the folder `pdfs/` they speak of.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from chatvlmllm.bench.cases import folder
from chatvlmllm.bench.cases.case import Box, Case, Fact, Truth
from chatvlmllm.bench.metrics import Region
from chatvlmllm.errors import UnreadableTruth

OMNIDOCBENCH = "OmniDocBench.json"
#: Categories of OmniDocBench under the names that readings use; what is not named is passed over.
_KINDS = {
    "title": "title",
    "text_block": "text",
    "figure_caption": "caption",
    "figure_footnote": "footnote",
    "table": "table",
    "table_caption": "caption",
    "table_footnote": "footnote",
    "equation_isolated": "formula",
    "equation_caption": "caption",
    "header": "header",
    "footer": "footer",
    "page_number": "page_number",
    "page_footnote": "footnote",
    "figure": "picture",
    "code_txt": "text",
    "code_txt_caption": "caption",
    "reference": "text",
}


def layout(path: Path) -> str:
    """Which published layout a folder has: `omnidocbench`, `olmocr`, or empty."""
    if (path / OMNIDOCBENCH).is_file():
        return "omnidocbench"
    return "olmocr" if any(_facts(file) for file in sorted(path.glob("*.jsonl"))) else ""


def omnidocbench(path: Path) -> Iterator[Case]:
    """One case per annotated page whose picture is there."""
    for number, page in enumerate(_json(path / OMNIDOCBENCH)):
        about = page["page_info"]
        name = Path(str(about["image_path"])).name
        picture = next((place for place in (path / "images" / name, path / name) if place.is_file()), None)
        if picture is not None:
            yield Case(
                id=f"omnidocbench/{number}-{picture.stem}",
                kind=str(about.get("page_attribute", {}).get("data_source", "omnidocbench")),
                data=str(path),
                truth=_annotated(page["layout_dets"]),
                draw=picture.read_bytes,
                suffix=picture.suffix.lower(),
            )


def _annotated(found: Sequence[Mapping[str, Any]]) -> Truth:
    known = [block for block in found if block["category_type"] in _KINDS and not block.get("ignore")]
    ordered = sorted(known, key=lambda block: (block.get("order") is None, block.get("order") or 0))
    regions = [
        Region(_KINDS[block["category_type"]], _said(block), _box(block["poly"]), int(block.get("level") or 0))
        for block in ordered
    ]
    shown = [region for region in regions if region.kind not in ("table", "formula", "picture")]
    return Truth(
        text="\n".join(region.text for region in shown if region.text),
        regions=tuple(regions),
        tables=tuple(str(block["html"]) for block in ordered if block.get("html")),
        formulas=tuple(str(block["latex"]) for block in ordered if block["category_type"] == "equation_isolated"),
    )


def _said(block: Mapping[str, Any]) -> str:
    if block["category_type"] == "equation_isolated":
        return str(block.get("latex", ""))
    return str(block.get("text", ""))


def _box(corners: Sequence[float]) -> Box:
    xs, ys = corners[0::2], corners[1::2]
    return (min(xs), min(ys), max(xs), max(ys))


def olmocr(path: Path) -> Iterator[Case]:
    """One case per page that facts speak of and whose PDF is there."""
    pages: dict[tuple[str, int], list[Fact]] = defaultdict(list)
    kinds: dict[tuple[str, int], str] = {}
    for file in sorted(path.glob("*.jsonl")):
        for record in _facts(file):
            place = str(record["pdf"]), int(record["page"])
            words = {name: value for name, value in record.items() if name not in ("pdf", "page", "type")}
            pages[place].append(Fact(str(record["type"]), words))
            kinds.setdefault(place, file.stem)
    for (name, page), asserted in pages.items():
        shown = next((at for at in (path / "pdfs" / name, path / name) if at.is_file()), None)
        if shown is not None:
            yield Case(
                id=f"olmocr/{name}-p{page}",
                kind=kinds[name, page],
                data=str(path),
                truth=Truth(facts=tuple(asserted)),
                draw=folder.drawing(shown, page - 1),
            )


def _facts(file: Path) -> list[dict[str, Any]]:
    """Facts of one file of JSON lines; none if it holds something else."""
    records = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line) if line.strip() else None
        except ValueError as error:
            raise UnreadableTruth(name=file, reason=error) from error
        if isinstance(record, dict) and {"pdf", "page", "type"} <= set(record):
            records.append(record)
    return records


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UnreadableTruth(name=file, reason=error) from error
