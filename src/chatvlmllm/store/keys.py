"""What a page's result depends on: the bytes of its document, its number, what was asked, and who could answer.

Two readings with the same key would say the same, so that one of them is enough. A reading that owes its state to the
moment (an engine that failed, a deadline, somebody who stood in) is not `lasting`: it answers for its own job only.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from chatvlmllm.exchange import Stop
from chatvlmllm.models import catalogue
from chatvlmllm.reading import Reading, Stage, Verdict
from chatvlmllm.run import Options, environment, to_json

if TYPE_CHECKING:
    from chatvlmllm.engines.host import Host

#: Stops that say something about the machine or the caller, not about the page.
_PASSING = (Stop.TIMEOUT, Stop.CANCELLED)


@dataclass(frozen=True)
class Way:
    """How pages are read: what was asked, and `versions` of everything else that could change the answer."""

    options: Options
    versions: Mapping[str, str]

    @cached_property
    def content(self) -> str:
        """Both as JSON whose bytes are the same wherever they are made."""
        asked = json.loads(to_json(self.options))
        return json.dumps({"options": asked, "versions": dict(self.versions)}, sort_keys=True, separators=(",", ":"))

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.content.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Key:
    """One page (from 1) of the document with the SHA-256 `document`, read in one way."""

    document: str
    page: int
    way: Way


def way(options: Options, host: "Host") -> Way:
    """The way in which `host` would read now."""
    from chatvlmllm import routing

    settings, machine = host.settings, routing.machine(host)
    able = sorted(machine.ready | machine.remote) if options.fallback or options.model == routing.AUTO else []
    versions = {
        **environment(),
        **_libraries(),
        "models": json.dumps(
            {key: _revision(key) for key in {*able, options.model, options.draft} & set(catalogue())}, sort_keys=True
        ),
        "rules": hashlib.sha256(str(routing.table(settings.data)).encode()).hexdigest(),
        "limits": settings.limits.model_dump_json(include={"megapixels", "pdf_dpi"}),
        "own": json.dumps({key: value.model_dump(mode="json") for key, value in sorted(settings.models.items())}),
        "accelerator": str(machine.memory > 0),
    }
    return Way(options, versions)


def _libraries() -> dict[str, str]:
    """Those that every page goes through or that read it inside the program."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("onnxruntime", "opencv-python-headless", "pillow", "pypdfium2", "tesserocr"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _revision(key: str) -> str:
    weights = catalogue()[key].weights
    return (weights.revision or "") if weights is not None else ""


def lasting(reading: Reading) -> bool:
    """Whether asking once more would give the same."""
    if reading.verdict in (Verdict.FAILED, Verdict.FELL_BACK):
        return False
    if any(attempt.stage is Stage.DRAFT for attempt in reading.attempts) and reading.draft is None:
        return False
    replies = (reading.reply, *reading.further, reading.draft)
    return not any(reply is not None and reply.stop in _PASSING for reply in replies)
