"""Every installed model is loaded and asked about the sample, alone: nobody may answer in its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from chatvlmllm import models, weights
from chatvlmllm.bench.metrics import cer
from chatvlmllm.exchange import Task
from chatvlmllm.models.card import Model
from chatvlmllm.run import from_json
from chatvlmllm.selftest.check import Check, Group, NotPossible, Shop, attempt, last, want
from chatvlmllm.selftest.workflow import BOUND


def checks(shop: Shop) -> Iterator[Check]:
    """One check per model that is here; the others are skipped by name."""
    for model in models.catalogue().values():
        said: list[float] = []
        check = attempt(Group.MODELS, "model", partial(_asked, shop, model, said), model.key)
        # A model that says the wrong thing works, but is of no use.
        yield replace(check, strict=bool(said) and said[0] <= BOUND) if check.outcome == "passed" else check


def _asked(shop: Shop, model: Model, said: list[float]) -> str:
    remote = {key for server in shop.settings.servers for key in server.models}
    if model.weights is not None and model.key not in remote and not weights.here(model, shop.settings):
        raise NotPossible("not installed")
    if Task.TEXT not in model.recipes or not model.recipes[Task.TEXT].needs_image:
        raise NotPossible("reads no pictures")
    done = shop.run("recognize", shop.sample, "--model", model.key, "--no-fallback", "--json")
    want(done.stdout.strip(), last(done.stderr))
    reading = from_json(done.stdout).readings[0]
    want(reading.failure is None, reading.failure.code if reading.failure else "")
    want(reading.answered == model.key, f"{reading.answered} answered")
    error = cer(shop.truth, reading.text).value
    assert error is not None
    said.append(error)
    device = reading.reply.device if reading.reply else None
    return f"{device}, {reading.seconds['total']:.1f} s, {reading.verdict}, CER {error:.4f}"
