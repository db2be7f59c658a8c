"""How well places and structure agree: boxes, block kinds, headings, reading order.

* IoU = area of the intersection over area of the union of two boxes.
* Box precision, recall, F1 at a threshold t: pairs of boxes of one kind with IoU ≥ t, best pairs first, each
  box used once.
* AP of one kind at t: answers by falling confidence, each hit or miss as in COCO (the best free true box with
  IoU ≥ t), precision interpolated at 101 recalls. mAP is the mean over the kinds of the truth and over t =
  0.50, 0.55 … 0.95. Answers without confidence rank alike, in their order.
* Blocks are paired by text: pairs with similarity (1 − normalised edit distance) ≥ 0.5, best first, each used
  once. Kind F1 counts pairs of equal kind; heading F1 does so among headings and titles, levels apart; the
  order distance is the normalised edit distance between the order of the paired blocks in the truth and in the
  answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chatvlmllm.bench.metrics import normalise
from chatvlmllm.bench.metrics.score import Score, unscored
from chatvlmllm.bench.metrics.text import edits

Box = tuple[float, float, float, float]
HEADINGS = frozenset({"title", "heading"})
_THRESHOLDS = tuple(0.5 + 0.05 * step for step in range(10))


@dataclass(frozen=True)
class Region:
    """A piece of a page as truth or answer: any part may be missing from an answer."""

    kind: str
    text: str = ""
    box: Box | None = None
    level: int = 0
    confidence: float = 1.0


def iou(first: Box, second: Box) -> float:
    """Intersection over union, 0…1; 0 for boxes without area."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    common = max(0.0, width) * max(0.0, height)
    whole = _area(first) + _area(second) - common
    return common / whole if whole > 0 else 0.0


def box_f1(truth: Sequence[Region], answer: Sequence[Region], threshold: float = 0.5) -> Score:
    """F1 of boxes of equal kind at one IoU threshold."""
    true = [region for region in truth if region.box]
    said = [region for region in answer if region.box]
    if not true:
        return unscored("the truth has no boxes")
    pairs = sorted(
        (
            (iou(a.box, b.box), i, j)
            for i, a in enumerate(true)
            for j, b in enumerate(said)
            if a.kind == b.kind and a.box and b.box
        ),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    hits = len(_one_to_one([pair for pair in pairs if pair[0] >= threshold]))
    return Score(
        2 * hits / (len(true) + len(said)),
        f"{hits} boxes agree at IoU {threshold:.2f}; {len(true)} true, {len(said)} answered",
        len(true) + len(said),
    )


def mean_average_precision(
    pages: Sequence[tuple[Sequence[Region], Sequence[Region]]], thresholds: Sequence[float] = _THRESHOLDS
) -> Score:
    """MAP over pages of (truth, answer)."""
    kinds = sorted({region.kind for truth, _ in pages for region in truth if region.box})
    if not kinds:
        return unscored("the truth has no boxes")
    by_kind = {
        kind: sum(_average_precision(pages, kind, threshold) for threshold in thresholds) / len(thresholds)
        for kind in kinds
    }
    listed = ", ".join(f"{kind} {value:.3f}" for kind, value in by_kind.items())
    return Score(sum(by_kind.values()) / len(kinds), f"mean over {len(kinds)} kinds: {listed}", len(kinds))


def kind_f1(truth: Sequence[Region], answer: Sequence[Region]) -> Score:
    """F1 of blocks paired by text that have the same kind."""
    true, said = _with_text(truth), _with_text(answer)
    if not true:
        return unscored("the truth has no blocks with text")
    pairs = _paired(true, said)
    hits = sum(true[i].kind == said[j].kind for i, j in pairs)
    return Score(
        2 * hits / (len(true) + len(said)),
        f"{hits} of {len(pairs)} paired blocks have the true kind; {len(true)} true, {len(said)} answered",
        len(true) + len(said),
    )


def heading_f1(truth: Sequence[Region], answer: Sequence[Region], levels: bool = False) -> Score:
    """F1 of headings found as headings; with `levels` the level must agree as well."""
    true = [region for region in _with_text(truth) if region.kind in HEADINGS]
    said = [region for region in _with_text(answer) if region.kind in HEADINGS]
    if not true:
        return unscored("the truth has no headings")
    pairs = _paired(true, said)
    hits = sum(not levels or true[i].level == said[j].level for i, j in pairs)
    return Score(
        2 * hits / (len(true) + len(said)),
        f"{hits} headings agree; {len(true)} true, {len(said)} answered",
        len(true) + len(said),
    )


def order_distance(truth: Sequence[Region], answer: Sequence[Region]) -> Score:
    """0 when the paired blocks come in the true order, up to 1."""
    true, said = _with_text(truth), _with_text(answer)
    pairs = sorted(_paired(true, said))
    if len(pairs) < 2:
        return unscored("fewer than two blocks could be paired")
    wanted = [j for _, j in pairs]
    found = edits(sorted(wanted), wanted)
    return Score(found.errors / len(pairs), f"{found.errors} moves among {len(pairs)} paired blocks", len(pairs))


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _with_text(regions: Sequence[Region]) -> list[Region]:
    return [region for region in regions if region.text.strip()]


def _one_to_one(pairs: Sequence[tuple[float, int, int]]) -> list[tuple[int, int]]:
    """Pairs from the best on, each side used once."""
    lefts, rights, kept = set[int](), set[int](), list[tuple[int, int]]()
    for _, left, right in pairs:
        if left not in lefts and right not in rights:
            lefts.add(left)
            rights.add(right)
            kept.append((left, right))
    return kept


def _paired(true: Sequence[Region], said: Sequence[Region]) -> list[tuple[int, int]]:
    from rapidfuzz.distance import Levenshtein

    left = [normalise.text(region.text) for region in true]
    right = [normalise.text(region.text) for region in said]
    pairs = []
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            likeness = Levenshtein.normalized_similarity(a, b, score_cutoff=0.5)
            if likeness >= 0.5:
                # of equal texts the ones at like places belong together
                pairs.append((likeness, abs(i / max(1, len(left)) - j / max(1, len(right))), i, j))
    pairs.sort(key=lambda pair: (-pair[0], pair[1], pair[2], pair[3]))
    return _one_to_one([(likeness, i, j) for likeness, _, i, j in pairs])


def _average_precision(
    pages: Sequence[tuple[Sequence[Region], Sequence[Region]]], kind: str, threshold: float
) -> float:
    """Interpolated AP of one kind at one threshold."""
    true = [[region.box for region in truth if region.kind == kind and region.box] for truth, _ in pages]
    total = sum(map(len, true))
    ranked = sorted(
        (
            (-region.confidence, page, place, region.box)
            for page, (_, answer) in enumerate(pages)
            for place, region in enumerate(answer)
            if region.kind == kind and region.box
        ),
        key=lambda item: item[:3],
    )
    taken: list[set[int]] = [set() for _ in pages]
    hits: list[bool] = []
    for _, page, _, box in ranked:
        free = [(iou(box, other), -index) for index, other in enumerate(true[page]) if index not in taken[page]]
        best, index = max(free, default=(0.0, 0))
        hits.append(best >= threshold)
        if hits[-1]:
            taken[page].add(-index)
    return _interpolated(hits, total)


def _interpolated(hits: Sequence[bool], total: int) -> float:
    """Mean of the best precision at or beyond each of 101 recalls."""
    precisions, recalls, found = list[float](), list[float](), 0
    for place, hit in enumerate(hits, 1):
        found += hit
        precisions.append(found / place)
        recalls.append(found / total)
    for place in range(len(precisions) - 2, -1, -1):
        precisions[place] = max(precisions[place], precisions[place + 1])
    summed, place = 0.0, 0
    for step in range(101):
        while place < len(recalls) and recalls[place] < step / 100 - 1e-12:
            place += 1
        summed += precisions[place] if place < len(recalls) else 0.0
    return summed / 101
