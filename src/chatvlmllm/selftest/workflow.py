"""The nine steps of a user's work through the command line: each looks at what the step gave."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chatvlmllm.bench.metrics import cer
from chatvlmllm.run import Run, from_json
from chatvlmllm.selftest.check import Check, Group, Shop, attempt, want

#: The most errors that a reading of the clean sample may have.
BOUND = 0.05
#: The document type of the sample.
PAPER = "act"


def checks(shop: Shop) -> Iterator[Check]:
    """Start, configuration, choice of a model, upload, recognition, results, fields, JSON, CSV."""
    out = shop.scrap / "commands"
    steps = {
        "start": lambda: shop.good("--version").strip(),
        "config": lambda: _config(shop),
        "choose": lambda: _choose(shop),
        "upload": lambda: _upload(shop, out),
        "recognize": lambda: recognized(_run_of(out), shop.truth),
        "results": lambda: _results(out, shop.truth),
        "fields": lambda: fields(json.loads(shop.good("extract", shop.sample, "--type", PAPER, "--format", "json"))),
        "json": lambda: _json(out),
        "csv": lambda: rows((out / "sample.csv").read_bytes()),
    }
    for name, do in steps.items():
        yield attempt(Group.COMMANDS, name, do)


def _config(shop: Shop) -> str:
    shown = shop.good("config", "show")
    want("limits" in shown, "no settings shown")
    return f"{len(shown.splitlines())} settings"


def _choose(shop: Shop) -> str:
    ready = [line.split()[1] for line in shop.good("models", "list").splitlines() if line.startswith("●")]
    want(ready, "no model is installed")
    return ", ".join(ready)


def _upload(shop: Shop, out: Path) -> str:
    """The file is taken as it is: every format is written, and the result names the digest of what was given."""
    formats = [word for name in ("json", "txt", "md", "html", "csv") for word in ("--format", name)]
    shop.good("recognize", shop.sample, "--output", out, *formats)
    digest = hashlib.sha256(shop.sample.read_bytes()).hexdigest()
    want(_run_of(out).document.sha256 == digest, "the result is about another file")
    return digest[:12]


def _run_of(out: Path) -> Run:
    return from_json((out / "sample.json").read_bytes())


def recognized(run: Run, truth: str) -> str:
    """One page, read, with few errors; says who read it."""
    want(len(run.readings) == 1, f"{len(run.readings)} pages")
    reading = run.readings[0]
    want(reading.verdict == "ok", f"verdict {reading.verdict}")
    error = cer(truth, reading.text).value
    want(error is not None and error <= BOUND, f"CER {error}")
    return f"{reading.answered}, CER {error:.4f}"


def _results(out: Path, truth: str) -> str:
    """Text, Markdown and HTML all hold the first line of the paper."""
    first = truth.splitlines()[0].split()[0]
    for name in ("sample.txt", "sample.md", "sample.html"):
        want(first in (out / name).read_text(encoding="utf-8"), f"{name} lacks the text")
    return "txt, md, html"


def fields(found: Any) -> str:
    """The paper's fields: something was found, and no check failed."""
    papers = found if isinstance(found, list) else [found]
    extraction = papers[0].get("extraction", papers[0])
    values = [one for one in extraction["fields"] if one["value"]]
    failed = [check["code"] for check in extraction["checks"] if check["outcome"] == "failed"]
    want(values, "no field was found")
    want(not failed, f"failed checks: {', '.join(failed)}")
    return f"{len(values)} fields"


def _json(out: Path) -> str:
    run = _run_of(out)
    want(run.readings[0].reply is not None, "the raw reply is missing")
    return run.schema


def rows(data: bytes) -> str:
    """A table that Excel opens: byte order mark, a header, as many cells in every row."""
    want(data.startswith(b"\xef\xbb\xbf"), "no byte order mark")
    found = list(csv.reader(io.StringIO(data.decode("utf-8-sig")), delimiter=_delimiter(data)))
    want(len(found) > 1, "no rows")
    want(len({len(row) for row in found}) == 1, "rows of different lengths")
    return f"{len(found) - 1} rows"


def _delimiter(data: bytes) -> str:
    head = data.decode("utf-8-sig").partition("\n")[0]
    return next((sign for sign in ";\t," if sign in head), ";")
