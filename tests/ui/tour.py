"""Pictures of the tour in docs/: `python -m tests.ui.tour` takes those that the browser tests left in shots/.

Each is cut to one screen and has few colours, so that it stays under 150 KB.
"""

from pathlib import Path

from PIL import Image

from tests.ui.rig import SHOTS

IMAGES = Path(__file__).parents[2] / "docs" / "images"
#: The part of a page that is shown, in pixels from its top.
HEIGHT = 900
MOST = 150_000
TOUR = {
    **{
        f"workbench-{name}.png": f"{name}-ru-light-1440.png"
        for name in ("result", "chat", "compare", "batch", "models")
    },
    **{f"workbench-{name}-en.png": f"{name}-en-light-1440.png" for name in ("result", "chat", "compare", "batch")},
    "workbench-models-en.png": "models-en-light-1440.png",
    "workbench-dark.png": "result-ru-dark-1440.png",
    "workbench-phone.png": "result-ru-light-390.png",
}


def main() -> None:
    """Write every picture of the tour."""
    IMAGES.mkdir(exist_ok=True)
    for name, shot in TOUR.items():
        image = Image.open(SHOTS / shot).convert("RGB")
        image = image.crop((0, 0, image.width, min(image.height, HEIGHT)))
        image.quantize(48).save(IMAGES / name, optimize=True)
        assert (IMAGES / name).stat().st_size <= MOST, name


if __name__ == "__main__":
    main()
