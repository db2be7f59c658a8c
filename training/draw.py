"""Draws one line of text as a detector would hand it over: a grey crop, more or less perfect.

`line()` is the only entry. Two qualities: "clean" (sharp, small crop errors) and "degraded" (everything that scanners,
faxes, cameras, stamps and tables do to a line). All randomness comes from the two sources in `Dice`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import cv2
import numpy as np
from fonts import Face, load
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Grey = NDArray[np.float32]
HEIGHT = 48


@dataclass(frozen=True)
class Dice:
    """The random sources of one line."""

    rng: random.Random
    np: np.random.Generator


def line(dice: Dice, face: Face, text: str, neighbours: list[str], quality: str) -> tuple[NDArray[np.uint8], str]:
    """A 48 × W grey crop of `text`, and the names of what was done to it (joined by '+')."""
    rng = dice.rng
    size = round(float(np.exp(rng.uniform(np.log(13), np.log(52)))))
    if quality == "clean":
        size = max(size, 22)
    mask, box = _ink(rng, face, text, neighbours, size)
    done: list[str] = []
    page = _paint(dice, mask, done, quality)
    if quality == "degraded":
        page, box = _furniture(dice, page, box, size, done)
        page, box = _warp(dice, page, box, size, done)
        page = _spoil(dice, page, size, done)
    return _crop(dice, page, box, quality), "+".join(done) or "plain"


def _ink(rng: random.Random, face: Face, text: str, neighbours: list[str], size: int) -> tuple[Grey, list[float]]:
    """Coverage 0…1 of a canvas with the line and pieces of its neighbours; the ink box x0, y0, x1, y1 of the line."""
    font = load(face.path, face.index, size)
    tracking = 0.0
    if rng.random() < 0.12:
        tracking = rng.uniform(-0.04, 0.22) * size
    gap = rng.uniform(0.8, 2.2) if rng.random() < 0.2 else 1.0
    pad = 2 * size
    width = int(font.getlength(text) * max(1.0, gap) + len(text) * max(0.0, tracking)) + 2 * pad + 8
    height = 5 * size
    base = int(2.9 * size)
    image = Image.new("L", (width, height), 0)
    pen = ImageDraw.Draw(image)
    if tracking or gap != 1.0:
        x = float(pad)
        for piece in text if tracking else text.replace(" ", "\0 \0").split("\0"):
            pen.text((x, base), piece, fill=255, font=font, anchor="ls")
            x += font.getlength(piece) * (gap if piece == " " else 1.0) + tracking
    else:
        pen.text((pad, base), text, fill=255, font=font, anchor="ls")
    left, top, right, bottom = image.getbbox() or (pad, base - size // 2, pad + size // 2, base)
    if bottom - top < 0.45 * size:
        # A lone dash or dot: a detector's box is as tall as its surroundings make it.
        top, bottom = min(top, base - round(0.55 * size)), max(bottom, base + round(0.05 * size))
    spacing = rng.uniform(0.98, 1.6) * size
    for step, other in zip((-1, 1), neighbours, strict=False):
        if other:
            shift = pad + rng.uniform(-3, 3) * size
            pen.text((shift, base + step * spacing), other, fill=255, font=font, anchor="ls")
    return np.asarray(image, np.float32) / 255, [left, top, right, bottom]


def _paint(dice: Dice, mask: Grey, done: list[str], quality: str) -> Grey:
    """Ink on paper, as grey 0…255."""
    rng = dice.rng
    if quality == "clean":
        return (255 - mask * rng.uniform(200, 255)).astype(np.float32)
    height, width = mask.shape
    luck = rng.random()
    paper = 255.0 if luck < 0.4 else rng.uniform(170, 255)
    ink = rng.uniform(0, 60) if rng.random() < 0.7 else rng.uniform(0, max(10.0, paper - 70))
    if rng.random() < 0.04:
        paper, ink = rng.uniform(0, 100), rng.uniform(190, 255)
        done.append("inverse")
    background = np.full(mask.shape, paper, np.float32)
    if rng.random() < 0.25:
        slope = np.linspace(0, rng.uniform(-60, 60), width, dtype=np.float32)
        rise = np.linspace(0, rng.uniform(-40, 40), height, dtype=np.float32)
        background += slope[None] + rise[:, None]
        done.append("shading")
    if rng.random() < 0.10:
        waves = (
            np.sin(np.arange(width) * rng.uniform(0.05, 0.9) + rng.uniform(0, 6))[None]
            * np.sin(np.arange(height) * rng.uniform(0.05, 0.9))[:, None]
        )
        background += waves.astype(np.float32) * rng.uniform(4, 26)
        done.append("pattern")
    if rng.random() < 0.15:
        coarse = dice.np.normal(0, rng.uniform(3, 16), (height // 6 + 2, width // 6 + 2)).astype(np.float32)
        background += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        done.append("texture")
    if rng.random() < 0.06:
        background -= np.roll(mask[::-1, ::-1], rng.randint(-9, 9), 0) * rng.uniform(10, 55)
        done.append("bleed")
    strokes = mask
    if rng.random() < 0.12:
        # Uneven toner: parts of the strokes fade.
        fade = dice.np.uniform(rng.uniform(0.3, 0.8), 1.1, (height // 4 + 2, width // 4 + 2)).astype(np.float32)
        strokes = mask * np.clip(cv2.resize(fade, (width, height)), 0, 1)
        done.append("faded")
    return background * (1 - strokes) + ink * strokes


def _furniture(dice: Dice, page: Grey, box: list[float], size: int, done: list[str]) -> tuple[Grey, list[float]]:
    """Rules, table borders, stamps and pen strokes around and over the text."""
    rng = dice.rng
    x0, y0, x1, y1 = box
    dark = rng.uniform(0, 120)
    thick = max(1, round(size * rng.uniform(0.02, 0.09)))
    if rng.random() < 0.16:
        y = round(y1 + rng.uniform(-0.22, 0.15) * size)
        start, end = (0, page.shape[1]) if rng.random() < 0.6 else sorted((rng.uniform(x0, x1), rng.uniform(x0, x1)))
        cv2.line(page, (int(start), y), (int(end), y), dark, thick)
        done.append("underline")
    if rng.random() < 0.14:
        for _ in range(rng.randint(1, 3)):
            if rng.random() < 0.5:
                x = round(rng.choice((x0 - rng.uniform(0.1, 0.7) * size, x1 + rng.uniform(0.1, 0.7) * size)))
                cv2.line(page, (x, 0), (x, page.shape[0]), dark, thick)
            else:
                y = round(rng.choice((y0 - rng.uniform(0.02, 0.4) * size, y1 + rng.uniform(0.02, 0.4) * size)))
                cv2.line(page, (0, y), (page.shape[1], y), dark, thick)
        done.append("border")
    if rng.random() < 0.07:
        layer = np.zeros(page.shape, np.uint8)
        for _ in range(rng.randint(1, 3)):
            centre = (rng.randint(0, page.shape[1]), round(y0 + rng.uniform(-2, 3) * size))
            radius = round(size * rng.uniform(1, 5))
            cv2.circle(layer, centre, radius, 255, max(1, round(size * rng.uniform(0.03, 0.16))), cv2.LINE_AA)
            cv2.putText(layer, "".join(rng.choices("OHMKTPBAC*", k=7)), (centre[0] - radius, centre[1]),
                        cv2.FONT_HERSHEY_SIMPLEX, size / 45, 255, max(1, size // 16), cv2.LINE_AA)  # fmt: skip
        page = page * (1 - layer.astype(np.float32) * (rng.uniform(0.15, 0.5) / 255))
        done.append("stamp")
    if rng.random() < 0.04:
        xs = np.cumsum(dice.np.normal(0.25 * size, 0.3 * size, 24)) + rng.uniform(0, page.shape[1])
        ys = y0 + dice.np.normal(0.5 * size, 0.7 * size, 24)
        points = np.stack([xs, ys], 1).astype(np.int32)
        cv2.polylines(page, [points], False, rng.uniform(40, 140), max(1, size // 18), cv2.LINE_AA)
        done.append("pen")
    return page, box


def _warp(dice: Dice, page: Grey, box: list[float], size: int, done: list[str]) -> tuple[Grey, list[float]]:
    """Slight rotation, slant and stretch about the middle of the line."""
    rng = dice.rng
    angle = shear = 0.0
    stretch = rng.uniform(0.78, 1.25) if rng.random() < 0.25 else 1.0
    x0, y0, x1, y1 = box
    if rng.random() < 0.35:
        limit = min(3.0, np.degrees(0.45 * size / max(x1 - x0, size)))
        angle = rng.uniform(-limit, limit)
    if rng.random() < 0.12:
        shear = rng.uniform(-0.18, 0.18)
    if not (angle or shear or stretch != 1.0):
        return page, box
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    turn = np.deg2rad(angle)
    matrix = np.array([[stretch * np.cos(turn), -np.sin(turn) + shear, 0.0], [np.sin(turn), np.cos(turn), 0.0]])
    width = round(page.shape[1] * stretch)
    matrix[:, 2] = np.array([width / 2, cy]) - matrix[:, :2] @ np.array([cx, cy])
    fill = float(np.median(page[::7, ::7]))
    page = cv2.warpAffine(page, matrix, (width, page.shape[0]), flags=cv2.INTER_LINEAR, borderValue=fill)
    corners = np.array([[x0, y0, 1], [x1, y0, 1], [x0, y1, 1], [x1, y1, 1]]) @ matrix.T
    if angle or shear:
        done.append("tilt")
    return page, [corners[:, 0].min(), corners[:, 1].min(), corners[:, 0].max(), corners[:, 1].max()]


def _spoil(dice: Dice, page: Grey, size: int, done: list[str]) -> Grey:
    """What toner, resolution, optics, sensors, faxes and compression do."""
    rng = dice.rng
    if rng.random() < 0.15:
        kernel = np.ones((2, 2), np.uint8)
        if size > 20:
            page = (cv2.erode if rng.random() < 0.6 else cv2.dilate)(page, kernel)
            done.append("stroke")
    if rng.random() < 0.3:
        # Low resolution: down to letters of about eight pixels and up again.
        factor = max(rng.uniform(0.4, 0.85), 11 / size)
        if factor < 0.95:
            small = cv2.resize(page, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
            page = cv2.resize(small, page.shape[::-1], interpolation=rng.choice((cv2.INTER_LINEAR, cv2.INTER_CUBIC)))
            done.append("lowres")
    if rng.random() < 0.35:
        page = cv2.GaussianBlur(page, (0, 0), max(0.25, rng.uniform(0.01, 0.05) * size))
        done.append("blur")
    elif rng.random() < 0.06:
        length = max(2, round(rng.uniform(0.06, 0.14) * size))
        page = cv2.blur(page, (length, 1) if rng.random() < 0.6 else (1, length))
        done.append("motion")
    return _digitise(dice, page, done)


def _digitise(dice: Dice, page: Grey, done: list[str]) -> Grey:
    """Noise of the sensor, one-bit faxes, compression."""
    rng = dice.rng
    if rng.random() < 0.35:
        page = page + dice.np.standard_normal(page.shape, np.float32) * rng.uniform(2, 22)
        done.append("noise")
    if rng.random() < 0.10:
        low, high = np.percentile(page[::3, ::3], (1, 99))
        page = np.where(page > low + (high - low) * rng.uniform(0.42, 0.68), np.float32(255), np.float32(0))
        done.append("fax")
        if rng.random() < 0.5:
            dots = dice.np.random(page.shape, np.float32)
            rate = rng.uniform(0.001, 0.02)
            page = np.where(dots < rate, np.float32(0), np.where(dots > 1 - rate, np.float32(255), page))
    page = np.clip(page, 0, 255)
    if rng.random() < 0.35:
        quality = [cv2.IMWRITE_JPEG_QUALITY, rng.randint(18, 75)]
        page = cv2.imdecode(cv2.imencode(".jpg", page.astype(np.uint8), quality)[1], cv2.IMREAD_GRAYSCALE).astype(
            np.float32
        )
        done.append("jpeg")
    return page


def _crop(dice: Dice, page: Grey, box: list[float], quality: str) -> NDArray[np.uint8]:
    """Cut the box out with a detector's errors and scale it to the height of the network."""
    rng = dice.rng
    x0, y0, x1, y1 = box
    tall = y1 - y0
    worst = 0.3 if quality == "clean" else 0.5
    x0 -= tall * rng.uniform(0.0, 0.3) if rng.random() < 0.8 else tall * rng.uniform(-0.06, 1.2)
    x1 += tall * rng.uniform(0.0, 0.3) if rng.random() < 0.8 else tall * rng.uniform(-0.06, 1.2)
    if rng.random() < 0.75:
        worst *= 0.5
    y0 -= tall * rng.uniform(-0.03, worst)
    y1 += tall * rng.uniform(-0.03, worst)
    left, top = max(0, round(x0)), max(0, round(y0))
    right, bottom = min(page.shape[1], round(x1)), min(page.shape[0], round(y1))
    cut = page[top : max(bottom, top + 4), left : max(right, left + 4)]
    width = max(8, round(cut.shape[1] * HEIGHT / cut.shape[0]))
    flags = cv2.INTER_AREA if cut.shape[0] > HEIGHT else rng.choice((cv2.INTER_LINEAR, cv2.INTER_CUBIC))
    return np.clip(cv2.resize(cut, (width, HEIGHT), interpolation=flags), 0, 255).astype(np.uint8)
