"""Trains the recogniser on drawn shards: first the head on the frozen backbone, then everything.

`python training/train.py --stage head --lines 40000` and then `--stage all --lines 120000`. Each line is seen once per
pass; batches hold lines of like width; the learning rate follows a cosine after a short warm-up; a moving average of
the weights is what is kept. State is saved every few minutes; the same command goes on from it.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from backbone import cut
from charset import charset
from model import STRIDE, Recogniser, to_input
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from torch import Tensor, nn

WORK = Path(__file__).parent / "work"
COLUMNS = 14000
"""Pixel columns of a batch: its size is what fits."""
log = logging.getLogger("training.train")


@dataclass(frozen=True)
class Line:
    """One stored line."""

    pixels: NDArray[np.uint8]
    about: dict[str, str]


def stored(folder: Path, shards: range) -> Iterator[list[Line]]:
    """The lines of each shard; waits for a shard that is still being drawn."""
    for number in shards:
        base = folder / f"{number:05}"
        while not base.with_suffix(".json").exists():
            time.sleep(2)
        columns = np.load(base.with_suffix(".npy"), mmap_mode="r")
        ends = np.cumsum(np.load(base.with_suffix(".widths.npy")))
        about = json.loads(base.with_suffix(".json").read_text("utf-8"))
        yield [
            Line(np.array(columns[end - w : end]).T, a)
            for end, w, a in zip(ends, np.diff(ends, prepend=0), about, strict=True)
        ]


def batches(lines: list[Line], rng: random.Random) -> list[list[Line]]:
    """Lines of like width together, batches in random order."""
    ordered = sorted(lines, key=lambda item: item.pixels.shape[1] * rng.uniform(0.9, 1.1))
    out: list[list[Line]] = [[]]
    for item in ordered:
        widest = max([item.pixels.shape[1], *(x.pixels.shape[1] for x in out[-1])])
        if widest * (len(out[-1]) + 1) > COLUMNS and out[-1]:
            out.append([])
        out[-1].append(item)
    rng.shuffle(out)
    return out


def collate(batch: list[Line], step: int = 32) -> tuple[Tensor, Tensor]:
    """N×48×W uint8 padded at the right with middle grey; the number of output steps of each line."""
    widest = -(-max(item.pixels.shape[1] for item in batch) // step) * step
    pixels = np.full((len(batch), 48, widest), 128, np.uint8)
    for row, item in zip(pixels, batch, strict=True):
        row[:, : item.pixels.shape[1]] = item.pixels
    steps = [-(-item.pixels.shape[1] // STRIDE) for item in batch]
    return torch.from_numpy(pixels), torch.tensor(steps)


def greedy(logits: Tensor, steps: Tensor) -> list[str]:
    """Best path, repeats and blanks removed."""
    classes = charset()
    texts = []
    for row, n in zip(logits.argmax(2).tolist(), steps.tolist(), strict=True):
        path = row[:n]
        texts.append("".join(classes[c - 1] for i, c in enumerate(path) if c and (i == 0 or path[i - 1] != c)))
    return texts


@torch.no_grad()
def measure(model: nn.Module, lines: list[Line]) -> dict[str, float]:
    """Character error rate (edits / characters) by quality."""
    model.eval()
    edits: dict[str, list[int]] = {}
    for batch in batches(lines, random.Random(0)):
        pixels, steps = collate(batch)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(to_input(pixels))
        for item, text in zip(batch, greedy(logits, steps), strict=True):
            entry = edits.setdefault(item.about["quality"], [0, 0])
            entry[0] += Levenshtein.distance(item.about["text"], text)
            entry[1] += len(item.about["text"])
    return {k: 100 * e / n for k, (e, n) in sorted(edits.items())}


class Average:
    """A moving average of the weights (and of the statistics of batch normalisation)."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.count = decay, 0
        self.state = {k: v.detach().clone().float() for k, v in model.state_dict().items()}

    def update(self, model: nn.Module) -> None:
        """Move towards the weights of now; faster at the start."""
        self.count += 1
        weight = 1 - min(self.decay, (1 + self.count) / (10 + self.count))
        for key, value in model.state_dict().items():
            self.state[key].lerp_(value.detach().float(), weight)


def schedule(progress: float, warm: float) -> float:
    """Linear warm-up, then a half cosine to zero; progress 0…1."""
    return (
        progress / warm if progress < warm else 0.5 * (1 + float(np.cos(np.pi * (progress - warm) / (1 - warm)))) + 1e-3
    )


def train(options: argparse.Namespace) -> None:
    """Run one stage to its end."""
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    model = Recogniser(cut(WORK / "backbone.onnx")).to(memory_format=torch.channels_last)
    path = WORK / f"{options.stage}.pt"
    if options.stage == "all":
        model.load_state_dict(torch.load(options.start, weights_only=True)["average"])
        model.backbone.freeze(options.frozen)
    else:
        model.backbone.requires_grad_(False)
    own, borrowed = list(model.head.parameters()), [p for p in model.backbone.parameters() if p.requires_grad]
    groups = [{"params": own, "peak": options.rate}, {"params": borrowed, "peak": options.rate * 0.4}]
    optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=options.rate, weight_decay=0.01)
    average = Average(model, 0.998)
    first, spent = 0, 0.0
    if path.exists():
        state = torch.load(path, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        average.state, average.count = state["average"], state["count"]
        first, spent = state["shards"], state["seconds"]
    check = next(iter(stored(WORK / "check", range(1))))
    total = options.lines // 1000
    start, saved = time.time() - spent, time.time()
    for number, lines in enumerate(stored(WORK / "train", range(options.skip + first, options.skip + total)), first):
        loss = one_shard(model, optimizer, average, lines, (number, total), options)
        log.info("%s shard %d/%d loss %.4f, %.0f s", options.stage, number + 1, total, loss, time.time() - start)
        if time.time() - saved > options.save_every or number + 1 == total:
            save(path, model, optimizer, average, number + 1, time.time() - start)
            saved = time.time()
            spare = Recogniser(WORK / "backbone.onnx").to(memory_format=torch.channels_last)
            spare.load_state_dict(average.state)
            log.info("check %s", {k: round(v, 2) for k, v in measure(spare, check).items()})


def one_shard(model: Recogniser, optimizer: torch.optim.Optimizer, average: Average, lines: list[Line],
              place: tuple[int, int], options: argparse.Namespace) -> float:  # fmt: skip
    """All batches of one shard; the mean loss."""
    index = {c: i + 1 for i, c in enumerate(charset())}
    rng = random.Random(options.seed * 1000 + place[0])
    todo = batches(lines, rng)
    losses = []
    model.train()
    for i, batch in enumerate(todo):
        progress = (place[0] + i / len(todo)) / place[1]
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * schedule(progress, options.warm)
        pixels, steps = collate(batch, rng.choice((32, 32, 64, 128)))
        targets = [[index[c] for c in item.about["text"]] for item in batch]
        lengths = torch.tensor([len(t) for t in targets])
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(to_input(pixels))
        scores = logits.log_softmax(2).transpose(0, 1)
        flat = torch.tensor([c for t in targets for c in t])
        loss = nn.functional.ctc_loss(scores, flat, steps, lengths, reduction="none", zero_infinity=True)
        mean = (loss / lengths).mean()
        optimizer.zero_grad(set_to_none=True)
        mean.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimizer.step()
        average.update(model)
        losses.append(mean.item())
    return float(np.mean(losses))


def save(path: Path, model: nn.Module, optimizer: Any, average: Average, shards: int, seconds: float) -> None:
    """Write the state whole or not at all."""
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "average": average.state}
    torch.save({**state, "count": average.count, "shards": shards, "seconds": seconds}, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", choices=("head", "all"), required=True)
    parser.add_argument("--lines", type=int, default=40000)
    parser.add_argument("--skip", type=int, default=0, help="first shard")
    parser.add_argument("--start", type=Path, default=WORK / "head.pt")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--warm", type=float, default=0.03)
    parser.add_argument("--frozen", type=int, default=16, help="first convolutions that stay as they are")
    parser.add_argument("--seed", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--save-every", type=float, default=240)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    train(options)


if __name__ == "__main__":
    main()
