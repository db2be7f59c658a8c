"""Where results rest.

`Spool` holds the readings of a run in progress and `write_whole` writes files that are whole or absent; both need
nothing. What lasts is a database (`database`, SQLAlchemy): page results by what they depend on (`pages`, the cache and
the resume point), jobs (`jobs`) and the files that were given to us (`originals`).
"""

from chatvlmllm.store.files import write_whole
from chatvlmllm.store.spool import Spool

__all__ = ["Spool", "write_whole"]
