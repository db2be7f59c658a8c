"""Tesseract's language data: found on this machine, or fetched on request with a pinned checksum.

Nothing is fetched unless somebody asked for it (`chatvlmllm models pull tesseract`); a page that needs missing data
ends in `MissingLanguage`, whose hint is the exact command.
"""

import hashlib
import os
import shutil
import sys
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from chatvlmllm.errors import DownloadFailed, MissingLanguage, OfflineForbidden

if TYPE_CHECKING:
    from chatvlmllm.config import Settings

#: tessdata_fast at commit 8741641 (Apache-2.0); Debian and Ubuntu package the very same files.
_SOURCE = "https://github.com/tesseract-ocr/tessdata_fast/raw/87416418657359cb625c412a48b6e1d6d41c29bd"
_SHA256 = {
    "bel": "9c6668a0b202f3dcfe074b64620d108e1902ca7498a40b5a11b4a3da6112d58f",
    "bul": "aebc9b0fcc8cfaf8a9f38a02bb7b85052bd850744696a2c11cf0081820e5b21e",
    "deu": "19d219bbb6672c869d20a9636c6816a81eb9a71796cb93ebe0cb1530e2cdb22d",
    "eng": "7d4322bd2a7749724879683fc3912cb542f19906c83bcc1a52132556427170b2",
    "fra": "ced037562e8c80c13122dece28dd477d399af80911a28791a66a63ac1e3445ca",
    "rus": "e16e5e036cce1d9ec2b00063cf8b54472625b9e14d893a169e2b0dedeb4df225",
    "srp": "aa41ae3d9cc705e60d398ab38a5c3cc8b772c0d420c7d4f0859beb13d0e321b6",
    "ukr": "d59e53e2bded32f4445f124b4b00240fcac7e8044c003ab822ccb94f0b3db59b",
}

_SYSTEM_FOLDERS = (
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
    "C:/Program Files/Tesseract-OCR/tessdata",
)


def folders(settings: "Settings") -> list[Path]:
    """Where data is looked for: the configured folder alone, or else the environment's, our own and the system's."""
    if settings.tessdata is not None:
        return [settings.tessdata]
    named = os.environ.get("TESSDATA_PREFIX")
    candidates = [*([Path(named)] if named else []), own_folder(settings), *map(Path, _SYSTEM_FOLDERS)]
    return [folder for folder in candidates if folder.is_dir()]


def own_folder(settings: "Settings") -> Path:
    """Where fetched data is kept."""
    return settings.data / "tessdata"


def installed(settings: "Settings") -> list[str]:
    """Every language that can be used, sorted."""
    return sorted({file.stem for folder in folders(settings) for file in folder.glob("*.traineddata")} - {"osd"})


def find(languages: Sequence[str], settings: "Settings") -> Path:
    """The first folder that holds all `languages`; raises MissingLanguage that names the command to run."""
    places = folders(settings)
    for folder in places:
        if all((folder / f"{language}.traineddata").is_file() for language in languages):
            return folder
    missing = [name for name in languages if name not in installed(settings)] or list(languages)
    raise MissingLanguage(
        languages="+".join(missing),
        looked=", ".join(str(folder) for folder in places) or "—",
        command=command_for(missing),
    )


def command_for(languages: Iterable[str]) -> str:
    """The command that installs `languages` on this system."""
    names = list(languages)
    if sys.platform.startswith("linux") and shutil.which("apt-get"):
        return "sudo apt-get install " + " ".join(f"tesseract-ocr-{name.replace('_', '-')}" for name in names)
    return f"chatvlmllm models pull tesseract --lang {'+'.join(names)}"


def fetch(languages: Sequence[str], settings: "Settings", source: str = _SOURCE) -> Iterator[tuple[str, int]]:
    """Download `languages`, yielding (language, bytes so far); a file appears only after its checksum was right.

    Raises OfflineForbidden, MissingLanguage for a language without a pinned checksum, DownloadFailed.
    """
    if settings.offline:
        raise OfflineForbidden(target=source)
    unknown = [name for name in languages if name not in _SHA256]
    if unknown:
        raise MissingLanguage(languages="+".join(unknown), looked=source, command=command_for(unknown))
    folder = own_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    for language in languages:
        yield from _fetch_one(language, f"{source}/{language}.traineddata", folder)


def _fetch_one(language: str, url: str, folder: Path) -> Iterator[tuple[str, int]]:
    part = folder / f".{language}.part"
    digest, total = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(url, timeout=30) as answer, part.open("wb") as file:  # noqa: S310 pinned https
            while chunk := answer.read(1 << 18):
                file.write(chunk)
                digest.update(chunk)
                total += len(chunk)
                yield language, total
    except OSError as error:
        part.unlink(missing_ok=True)
        raise DownloadFailed(target=url, reason=error) from error
    if digest.hexdigest() != _SHA256[language]:
        part.unlink()
        raise DownloadFailed(target=url, reason="checksum mismatch")
    part.replace(folder / f"{language}.traineddata")
