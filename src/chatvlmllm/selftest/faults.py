"""Faults on purpose: broken input, a killed process, a killed engine. Wanted: a named error, and nothing lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from chatvlmllm import models, weights
from chatvlmllm.run import from_json
from chatvlmllm.selftest.check import Check, Group, NotPossible, Shop, attempt, last, want

_PATIENCE = 120.0


def checks(shop: Shop) -> Iterator[Check]:
    """Every fault; the good file that goes along with the broken ones has to be read all the same."""
    folder = shop.scrap / "faults"
    folder.mkdir(exist_ok=True)
    sample = shop.sample.read_bytes()
    files = {
        "truncated_picture": ("cut.png", sample[: len(sample) // 3], "damaged_file"),
        "empty_file": ("empty.png", b"", "empty_file"),
        "not_a_picture": ("words.png", b"words, not a picture\n" * 40, "unsupported_file"),
        "broken_pdf": ("broken.pdf", b"%PDF-1.7\n" + b"\x00garbage" * 50, "damaged_file"),
    }
    for name, (file, data, code) in files.items():
        (folder / file).write_bytes(data)
        yield attempt(Group.FAULTS, name, partial(_refused, shop, folder / file, code))
    yield attempt(Group.FAULTS, "missing_file", lambda: _refused(shop, folder / "gone.png", "file_missing"))
    yield attempt(Group.FAULTS, "unknown_model", lambda: _unknown(shop))
    yield attempt(Group.FAULTS, "others_are_read", lambda: _others(shop, folder / "cut.png"))
    yield attempt(Group.FAULTS, "killed_command", lambda: _killed_command(shop))
    yield attempt(Group.FAULTS, "killed_engine", lambda: _killed_engine(shop))


def _refused(shop: Shop, file: Path, code: str) -> str:
    done = shop.run("recognize", file, "--json")
    want(done.returncode == 2, f"exit code {done.returncode}")
    run = json.loads(done.stdout)
    failure = run["failure"] or run["readings"][0]["failure"]
    want(failure["code"] == code, f"{failure['code']} instead of {code}")
    return code


def _unknown(shop: Shop) -> str:
    done = shop.run("recognize", shop.sample, "--model", "no_such_model")
    want(done.returncode == 2 and not done.stdout.strip(), f"exit code {done.returncode}")
    return last(done.stderr)


def _others(shop: Shop, broken: Path) -> str:
    """A broken file costs nothing of the good one beside it."""
    done = shop.run("recognize", broken, shop.sample, "--json")
    verdicts = [json.loads(line)["verdict"] for line in done.stdout.splitlines()]
    want(verdicts == ["failed", "ok"] and done.returncode == 1, f"{verdicts}, exit code {done.returncode}")
    return ", ".join(verdicts)


def _killed_command(shop: Shop) -> str:
    """A run that is killed leaves whole files or none."""
    out = shop.scrap / "killed"
    process = subprocess.Popen(  # noqa: S603 our own command
        shop.command("recognize", shop.sample, "--output", out, "--format", "json", "--format", "html"),
        env=shop.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(1.5)
    process.kill()
    process.wait()
    left = sorted(path.name for path in out.glob("*")) if out.exists() else []
    for name in left:
        if name == "sample.json":
            from_json((out / name).read_bytes())
        elif name == "sample.html":
            want((out / name).read_text(encoding="utf-8").rstrip().endswith("</html>"), f"{name} is cut")
    return ", ".join(left) or "nothing was left"


def _killed_engine(shop: Shop) -> str:
    """A model's process is killed while it works; the page still gets an answer, and the attempts say what happened."""
    key = _worker_model(shop)
    process = subprocess.Popen(  # noqa: S603 our own command
        shop.command("recognize", shop.sample, "--model", key, "--json"), env=shop.environ,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    killed = _kill_child(process, lambda line: "bootstrap" in line)
    out, err = process.communicate(timeout=_PATIENCE * 5)
    want(killed, "the model's process was never seen")
    want(out.strip(), last(err))
    reading = from_json(out).readings[0]
    failed = [attempt for attempt in reading.attempts if attempt.failure is not None]
    want(failed, "the attempts do not tell of the crash")
    want(reading.answered is not None, "the page has no answer")
    code = failed[0].failure.code if failed[0].failure else ""
    return f"{key}: {code}, then {reading.answered}"


def _worker_model(shop: Shop) -> str:
    """An installed model that runs in a process of its own."""
    if find_spec("psutil") is None or os.name == "nt":
        raise NotPossible("psutil is not installed")
    found = {
        model.weights.vram: model.key
        for model in models.catalogue().values()
        if model.weights and "transformers" in model.runtimes and weights.here(model, shop.settings)
    }
    if not found:
        raise NotPossible("no model with a process of its own is installed")
    # The smallest is back the soonest.
    return found[min(found)]


def _kill_child(process: subprocess.Popen[str], wanted: Callable[[str], bool]) -> bool:
    """Kill the first child whose command line is wanted; False when none appears."""
    import psutil

    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            try:
                if wanted(" ".join(child.cmdline())):
                    # The model loads: later it might be done before anybody could kill it.
                    time.sleep(0.5)
                    os.kill(child.pid, signal.SIGKILL)
                    return True
            except (psutil.Error, ProcessLookupError):
                continue
        time.sleep(0.05)
    return False
