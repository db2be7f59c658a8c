"""Pages read on a Ray cluster: one actor per place where a page can be read, each with a host of its own.

The pipeline is that of one machine (`flow`): documents are opened, results stored and files written here; a thread
per actor sends it one page after the other and waits, so that no more is under way than can be read. Documents travel
once, through Ray's object store. A lost node costs the pages that were being read there, and they are read elsewhere.
"""

import logging
import os
import threading
import time
from collections import OrderedDict
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any, Self

from chatvlmllm.document import Page, open_document
from chatvlmllm.errors import EngineStartFailed, MissingExtra, NodesLost
from chatvlmllm.geometry import Size
from chatvlmllm.ladder import failure
from chatvlmllm.models import catalogue
from chatvlmllm.reading import Reading, Verdict
from chatvlmllm.run import Options, reading_from_json, to_json
from chatvlmllm.store.keys import Way, way

if TYPE_CHECKING:
    from chatvlmllm.config import Settings
    from chatvlmllm.engines.host import Host

#: How often in a row a page may lose the actor that reads it; the last node may be restarting.
MOST_LOSSES = 5
#: Seconds that a page waits for a place; a node may have to be started first.
_PATIENCE = 600
#: Documents whose bytes an actor, and this side's object store, keep at once.
_KEPT = 8


class Station:
    """What runs on a node: a host and the documents that were sent last."""

    def __init__(self, settings: bytes) -> None:
        import pickle

        from chatvlmllm.engines.host import Host

        # Made by our own process and sent through Ray, which trusts its members alike.
        self._settings: Settings = pickle.loads(settings)  # noqa: S301
        self._host = Host(self._settings)
        self._documents: OrderedDict[str, Any] = OrderedDict()

    def ready(self) -> int:
        """The process that reads here."""
        return os.getpid()

    def drafting(self, options: bytes) -> bytes:
        """How the first of two stages reads here; nothing where pages are read in one."""
        import pickle

        from chatvlmllm import drafts

        return pickle.dumps(drafts.order(pickle.loads(options), self._host))  # noqa: S301

    def read(self, document: bytes, name: str, place: tuple[str, int], options: bytes, draft: str) -> str:
        """The reading of the page with this number of the document with this digest, as JSON; `draft` is JSON too."""
        import pickle

        from chatvlmllm.pipeline import read_page

        digest, number = place

        if digest not in self._documents:
            self._documents[digest] = open_document(document, name, self._settings.limits)
            while len(self._documents) > _KEPT:
                self._documents.popitem(last=False)[1].close()
        page = next(self._documents[digest].pages([number]))
        drafted = reading_from_json(draft) if draft else None
        return to_json(read_page(page, pickle.loads(options), self._host, draft=drafted))  # noqa: S301


class RayReader:
    """Reads on the cluster at `address` (`auto` finds one, `local` starts one here); raises MissingExtra without Ray.

    `host` is this machine's own: it only says in which way pages are read.
    """

    def __init__(self, settings: "Settings", options: Options, host: "Host", address: str) -> None:
        try:
            import ray
        except ImportError as error:
            raise MissingExtra(feature="Ray", command="pip install 'chatvlmllm[ray]'") from error
        self._ray: Any = ray
        self._settings, self._host = settings, host
        self._mine = not ray.is_initialized()
        if self._mine:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        self._closed, self._broken = False, 0
        self._ways: dict[str, Way] = {}
        self._drafting: dict[str, Options | None] = {}
        self._actors: list[Any] = []
        self._sent: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()
        self._need = self._needed(options)
        self.width = self._places()
        #: Places that can read now; one that is being put on a node is not among them.
        self._free: Queue[Any] = Queue()
        for _ in range(self.width):
            self._start()

    def _needed(self, options: Options) -> dict[str, float]:
        """What a place takes: a GPU where the model wants one and the cluster has some, else a processor."""
        model = catalogue().get(options.model)
        gpus = self._ray.cluster_resources().get("GPU", 0)
        generative = model is None or model.generative
        return {"num_gpus": 1, "num_cpus": 1} if gpus and generative else {"num_cpus": 1}

    def _places(self) -> int:
        resources = self._ray.cluster_resources()
        if "num_gpus" in self._need:
            return max(1, int(resources.get("GPU", 1)))
        return max(1, int(resources.get("CPU", 1)))

    def _start(self) -> None:
        """Put a place on some node with room for it; it is free as soon as it answers."""
        import pickle

        actor = self._ray.remote(Station).options(**self._need, max_restarts=0).remote(pickle.dumps(self._settings))
        with self._lock:
            self._actors.append(actor)
        actor.ready.remote().future().add_done_callback(lambda answer: self._started(actor, answer.exception()))

    def _started(self, actor: Any, broken: BaseException | None) -> None:
        with self._lock:
            self._broken = self._broken + 1 if broken else 0
        if broken is None:
            self._free.put(actor)
        elif self._broken > MOST_LOSSES * self.width:
            # No node can run us: whoever waits for a place learns why.
            self._free.put(EngineStartFailed(model="ray", reason=str(broken)))
        elif not self._closed:
            self._start()

    def read(self, page: Page, options: Options, draft: Reading | None = None) -> Reading:
        """Send the page to a free place; when its node is lost, to another one."""
        import pickle

        lost = (self._ray.exceptions.RayActorError, self._ray.exceptions.ObjectLostError)
        document, sent = page.document, self._send(page)
        for _ in range(MOST_LOSSES):
            actor = self._place()
            if actor is None:
                break
            try:
                place, known = (document.sha256, page.number), to_json(draft) if draft else ""
                answer = actor.read.remote(sent, document.name, place, pickle.dumps(options), known)
                reading = reading_from_json(self._ray.get(answer))
            except lost:
                # The place is gone with its node; until Ray finds room for another, the rest go on without it.
                if not self._closed:
                    self._start()
                continue
            self._free.put(actor)
            return reading
        told = failure(NodesLost(times=MOST_LOSSES))
        return Reading(page=page.number, size=Size(1, 1), verdict=Verdict.FAILED, asked=options.model, failure=told)

    def _place(self) -> Any:
        """A free place; None when there is none for too long or the work is broken off."""
        until = time.monotonic() + _PATIENCE
        while not self._closed and time.monotonic() < until:
            try:
                actor = self._free.get(timeout=0.5)
            except Empty:
                continue
            if isinstance(actor, EngineStartFailed):
                self._free.put(actor)
                raise actor
            return actor
        return None

    def _send(self, page: Page) -> Any:
        """The document in the object store of this machine, which outlives the nodes; only the last ones stay."""
        digest = page.document.sha256
        with self._lock:
            if digest not in self._sent:
                self._sent[digest] = self._ray.put(page.document.content())
                while len(self._sent) > max(_KEPT, 2 * self.width):
                    self._sent.popitem(last=False)
            return self._sent[digest]

    def way(self, options: Options) -> Way:
        asked = to_json(options)
        if asked not in self._ways:
            self._ways[asked] = way(options, self._host)
        return self._ways[asked]

    def drafting(self, options: Options) -> Options | None:
        """As a node decides it: it has the models and the memory, which may not be here."""
        import pickle

        asked = to_json(options)
        if asked not in self._drafting:
            actor = self._place()
            if actor is None:
                return None
            self._drafting[asked] = pickle.loads(self._ray.get(actor.drafting.remote(pickle.dumps(options))))  # noqa: S301
            self._free.put(actor)
        return self._drafting[asked]

    def cancel(self) -> None:
        """End the actors; who waits for one hears of it. What they are reading is not kept."""
        self._closed = True
        with self._lock:
            for actor in self._actors:
                self._ray.kill(actor)

    def close(self) -> None:
        """Leave the cluster, once nobody waits for it any more: Ray would start a new one by itself."""
        self._closed = True
        if self._mine and self._ray.is_initialized():
            self._ray.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
