"""A study as pages for people and rows for programs: HTML in one file, Markdown, CSV.

`write(study, language)` puts `report.html`, `report.md`, `accuracy.csv` and `costs.csv` into the study's folder.
`accuracy.csv` holds nothing that depends on the machine's mood: from the same answers come the same bytes.
"""

from __future__ import annotations

from pathlib import Path

from chatvlmllm.bench.report import page, rows, words
from chatvlmllm.bench.store import Study
from chatvlmllm.bench.summary import Summary, summarise
from chatvlmllm.store import write_whole


def write(folder: Path, language: str, delimiter: str = ";") -> list[Path]:
    """Write all four files; raises NothingMeasured."""
    study = Study(folder)
    summary = summarise(study)
    said = words.Words(language)
    contents: dict[str, str] = {
        "report.html": page.html(study, summary, said),
        "report.md": words.markdown(summary, said),
        **tables(summary, delimiter),
    }
    for name, text in contents.items():
        # Excel takes a CSV for UTF-8 only when it begins with a byte order mark.
        write_whole(folder / name, [text.encode("utf-8-sig" if name.endswith(".csv") else "utf-8")])
    return [folder / name for name in contents]


def tables(summary: Summary, delimiter: str) -> dict[str, str]:
    """The two CSV files by name."""
    return {"accuracy.csv": rows.accuracy(summary, delimiter), "costs.csv": rows.costs(summary, delimiter)}
