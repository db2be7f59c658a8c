"""What a study teaches the choice of `auto`: `measured.toml` in the data folder, which `routing` reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from chatvlmllm.bench.advice import advise
from chatvlmllm.bench.summary import Summary
from chatvlmllm.routing import MEASURED
from chatvlmllm.run import now
from chatvlmllm.store import write_whole

#: Advice that rests on nothing must not decide anything.
_SILENT = ("none_measured", "too_few")


def write(summary: Summary, folder: Path) -> int:
    """Write the measured order of our models by kind of document; returns how many entries there are."""
    entries = list(_entries(summary))
    head = f"# Written by `chatvlmllm bench run --route` on {now()}; delete the file to forget it.\n"
    write_whole(folder / MEASURED, [(head + "".join(entries)).encode()])
    return len(entries)


def _entries(summary: Summary) -> Iterator[str]:
    for one in advise(summary):
        # Only the task of plain text is compared by CER alone.
        order = [name for name in one.order if ":" not in name]
        if one.reason in _SILENT or len(order) < 2:
            continue
        lines = summary.by_kind[one.kind] if one.kind else summary.overall
        errors = {line.subject: line.scores["cer"].value or 0.0 for line in lines if line.subject in order}
        cer = ", ".join(f"{name} = {value:.6f}" for name, value in errors.items())
        chain = ", ".join(f'"{name}"' for name in order)
        pages = one.details["pages"]
        yield f'\n[[measured]]\nkind = "{one.kind}"\nchain = [{chain}]\npages = {pages}\ncer = {{ {cer} }}\n'
