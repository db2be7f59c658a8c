"""The files that were given to us, in a folder by their content: `originals/ab/abcd…`; names are never paths."""

import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from chatvlmllm.errors import OriginalGone, StoreUnusable

if TYPE_CHECKING:
    from chatvlmllm.config import Settings


class Originals:
    """A private folder of files, each under the SHA-256 of its bytes.

    When nothing may be kept it is another folder, which is emptied whenever it is opened.
    """

    def __init__(self, settings: "Settings") -> None:
        #: Held while a file is taken over or deleted, until the database knows.
        self.lock = threading.RLock()
        passing = settings.store.keep == "nothing"
        self._folder = settings.data / ("passing" if passing else "originals")
        #: Where files arrive; what is left there is of an earlier process.
        self.arriving = settings.data / ("passing" if passing else "arriving") / "new"
        try:
            if passing:
                shutil.rmtree(self._folder, ignore_errors=True)
            shutil.rmtree(self.arriving, ignore_errors=True)
            for folder in (self._folder, self.arriving):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StoreUnusable(store=self._folder, reason=error.strerror or error) from error

    def put(self, arrived: Path, digest: str) -> None:
        """Take over a file whose digest is known; the second of the same content replaces the first."""
        place = self._place(digest)
        place.parent.mkdir(exist_ok=True, mode=0o700)
        arrived.replace(place)

    def path(self, digest: str) -> Path:
        """Where the file is; raises OriginalGone."""
        place = self._place(digest)
        if not place.is_file():
            raise OriginalGone
        return place

    def delete(self, digest: str) -> None:
        """Remove the file, if it is there."""
        self._place(digest).unlink(missing_ok=True)

    def digests(self) -> set[str]:
        """Those of all files that are here."""
        return {file.name for file in self._folder.glob("??/*") if len(file.name) == 64}

    def _place(self, digest: str) -> Path:
        assert len(digest) == 64
        assert digest.isalnum()
        return self._folder / digest[:2] / digest
