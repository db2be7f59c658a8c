"""Measures on real papers: pages → detector crops → readers → text, scores and seconds.

The papers are only measured: nothing here is trained on, tuned to, stored or quoted. The detector is the one of the
`rapidocr` wheel with a light post-processing of our own (cores of the probability map, grown by area / perimeter);
lines are joined top to bottom, left to right, so tables are scored row by row like their truth.
"""

from __future__ import annotations

import importlib.resources
import math
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image
from rapidfuzz.distance import Levenshtein

Rgb = NDArray[np.uint8]
AREA = 1_800_000
"""Pixels at which the detector sees a page."""
TURNED = {"gov_table_rotated90_scan.png": Image.Transpose.ROTATE_270}
"""Papers that lie on their side: turned upright before any reader sees them."""
RUSSIAN = {
    "dedoc/tender_notice_nmck_scan.jpg": "scan", "dedoc/invoice_schet_oferta.jpg": "scan",
    "dedoc/tender_price_analysis_color_scan.jpg": "scan", "dedoc/tender_tz_title_kazan_scan.jpg": "scan",
    "dedoc/order_fstec75_scan_p1.pdf": "scan", "dedoc/contract_page_requisites.jpg": "scan",
    "dedoc/certificate_cbr_mfo_scan.jpg": "scan", "dedoc/contract_gift_photo_handwritten_sample.jpg": "photo",
    "dedoc/payment_order_250.png": "print", "dedoc/payment_order_122.png": "print",
    "dedoc_rendered/tender_tz_pdn_p1.png": "print", "dedoc_rendered/tender_tz_pdn_p5.png": "print",
    "dedoc_rendered/contract_44fz_milk_p1.png": "print", "dedoc_rendered/contract_44fz_milk_p6_spec.png": "print",
    "dedoc/gov_table_rotated90_scan.png": "scan", "dedoc/law_draft_pd_p1.pdf": "print",
    "dedoc/article_gdp_tables_p1.pdf": "print", "lshort_ru/lshort_ru_math_p53.png": "print",
    "torg12/torg12_waybill_sample.png": "print", "manuscript_ocr/scene_signs_ru_photo.jpeg": "photo",
}  # fmt: skip
"""The Russian papers and how they were taken."""


def page(path: Path) -> Rgb:
    """The upright RGB pixels of a picture or of the first page of a PDF (at 200 dpi)."""
    if path.suffix == ".pdf":
        command = ["pdftoppm", "-r", "200", "-f", "1", "-l", "1", "-png", str(path)]
        picture = cv2.imdecode(
            np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, np.uint8), 1
        )
        return np.ascontiguousarray(picture[..., ::-1], np.uint8)
    image: Image.Image = Image.open(path)
    if path.name in TURNED:
        image = image.transpose(TURNED[path.name])
    if image.mode in ("RGBA", "LA", "P"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))


class Detector:
    """Text strips of a page."""

    def __init__(self, threads: int = 2) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        source = importlib.resources.files("rapidocr").joinpath("models/PP-OCRv6_det_small.onnx")
        with importlib.resources.as_file(source) as path:
            self.session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.name = self.session.get_inputs()[0].name

    def crops(self, picture: Rgb) -> list[tuple[NDArray[np.float32], Rgb]]:
        """(corners, pixels) of each strip in reading order."""
        height, width = picture.shape[:2]
        scale = min(2.0, math.sqrt(AREA / (height * width)))
        size = tuple(max(32, round(side * scale / 32) * 32) for side in (width, height))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        tensor = small[..., ::-1].astype(np.float32).transpose(2, 0, 1)[None] / 127.5 - 1
        chances = self.session.run(None, {self.name: np.ascontiguousarray(tensor)})[0][0, 0]
        factor = np.array([width / size[0], height / size[1]], np.float32)
        corners = [c * factor for c in _strips(chances)]
        return [(c, _flat(picture, c)) for c in _ordered(corners)]


def _strips(chances: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    mask = cv2.dilate((chances > 0.3).astype(np.uint8), np.ones((2, 2), np.uint8))
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for outline in outlines:
        (x, y), (w, h), angle = cv2.minAreaRect(outline)
        inside = np.zeros(chances.shape, np.uint8) if w * h > 4 else None
        if inside is None or min(w, h) < 2:
            continue
        bx, by, bw, bh = cv2.boundingRect(outline)
        inside = np.zeros((bh, bw), np.uint8)
        cv2.fillPoly(inside, [outline - np.array([bx, by])], 1)
        if cv2.mean(chances[by : by + bh, bx : bx + bw], inside)[0] < 0.5:
            continue
        grow = 1.6 * w * h / (w + h)
        if w < h:
            w, h, angle = h, w, angle + 90
        turn = math.radians((angle + 90) % 180 - 90)
        right = np.array([math.cos(turn), math.sin(turn)]) * (w + grow) / 2
        down = np.array([-math.sin(turn), math.cos(turn)]) * (h + grow) / 2
        centre = np.array([x, y])
        found.append(
            np.array(
                [centre - right - down, centre + right - down, centre + right + down, centre - right + down], np.float32
            )
        )
    return found


def _flat(picture: Rgb, corners: NDArray[np.float32]) -> Rgb:
    width = max(1, round(float(np.linalg.norm(corners[1] - corners[0]))))
    height = max(1, round(float(np.linalg.norm(corners[3] - corners[0]))))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    return cv2.warpPerspective(picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _ordered(strips: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Rows from the top; a strip belongs to a row if their middles are closer than half the lower height."""
    rows: list[list[NDArray[np.float32]]] = []
    for strip in sorted(strips, key=lambda s: float(s[:, 1].mean())):
        middle, tall = float(strip[:, 1].mean()), float(np.linalg.norm(strip[3] - strip[0]))
        last = rows[-1][-1] if rows else None
        if last is not None and middle - float(last[:, 1].mean()) < 0.45 * min(
            tall, float(np.linalg.norm(last[3] - last[0]))
        ):
            rows[-1].append(strip)
        else:
            rows.append([strip])
    return [strip for row in rows for strip in sorted(row, key=lambda s: float(s[:, 0].min()))]


@dataclass(frozen=True)
class Score:
    """Character error rate, recall of words (as a bag), seconds."""

    cer: float
    recall: float
    seconds: float


def score(text: str, truth: str, seconds: float) -> Score:
    """CER is edits / length of the truth, both with blanks collapsed."""
    said, true = " ".join(text.split()), " ".join(truth.split())
    bag, want = Counter(said.split()), Counter(true.split())
    return Score(Levenshtein.distance(said, true) / len(true), sum((bag & want).values()) / want.total(), seconds)


def tesseract_page(picture: Rgb) -> tuple[str, float]:
    """Plain `tesseract -l rus+eng` on the page and its wall seconds."""
    data = cv2.imencode(".png", picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    start = time.perf_counter()
    done = subprocess.run(["tesseract", "-", "-", "-l", "rus+eng"], input=data, capture_output=True, check=True)
    return done.stdout.decode(), time.perf_counter() - start


def tesseract_crops(crops: list[Rgb]) -> tuple[str, float]:
    """Tesseract as one more line reader on the same crops."""
    import tesserocr

    start = time.perf_counter()
    data = "/usr/share/tesseract-ocr/5/tessdata"
    with tesserocr.PyTessBaseAPI(path=data, lang="rus+eng", psm=tesserocr.PSM.SINGLE_LINE) as api:
        texts = []
        for crop in crops:
            api.SetImage(Image.fromarray(crop))
            texts.append(api.GetUTF8Text().strip())
    return "\n".join(texts), time.perf_counter() - start


def measure(
    root: Path, reader: Any, *, with_crops: bool, with_pages: bool = True
) -> list[tuple[str, str, dict[str, Score]]]:
    """(paper, kind, scores by reader) for each Russian paper; our seconds include the detector."""
    detector, rows = Detector(), []
    for name, kind in RUSSIAN.items():
        picture, truth = page(root / name), (root / f"{name}.gt.txt").read_text("utf-8")
        start = time.perf_counter()
        crops = [c for _, c in detector.crops(picture)]
        middle = time.perf_counter()
        ours = "\n".join(r.text for r in reader.read(crops))
        end = time.perf_counter()
        scores = {"ours": score(ours, truth, end - start), "detector": Score(0, 0, middle - start)}
        if with_pages:
            text, seconds = tesseract_page(picture)
            scores["tesseract"] = score(text, truth, seconds)
        if with_crops:
            text, seconds = tesseract_crops(crops)
            scores["tesseract crops"] = score(text, truth, seconds)
        rows.append((name, kind, scores))
    return rows
