"""Asking one model about one page until it has said all of it: a broken answer is mended by reading the rest.

Effects only; what to keep and where to go on is decided in `trust.repair`, what to try after a failure in `ladder`.
"""

import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass, field, replace

from chatvlmllm import hearing, routing
from chatvlmllm.decode import Decoded
from chatvlmllm.document import Page
from chatvlmllm.engines import Engine
from chatvlmllm.engines.host import Host
from chatvlmllm.engines.interrupt import Leaving
from chatvlmllm.errors import ChatVLMLLMError, EmptyReply
from chatvlmllm.exchange import Reply, Request, Stop, Task
from chatvlmllm.geometry import Box, Size
from chatvlmllm.ladder import Answer, Step, Try
from chatvlmllm.models.card import Model
from chatvlmllm.prepare import Bounds, caveats, prepare, recipe, shown
from chatvlmllm.reading import Notice, Reading, Stage, Word
from chatvlmllm.run import Options
from chatvlmllm.trust import repair


@dataclass(frozen=True, slots=True)
class Watch:
    """How a caller follows the work: `heard` gets every piece of text as it is said, `stop` ends what is going on.

    `asked` gets every request before the first piece of its reply.
    `finished` gets every reading at once, in the thread that made it, before those of earlier pages may be there.
    """

    heard: Callable[[Page, str], None] | None = None
    finished: Callable[[Page, Reading], None] | None = None
    asked: Callable[[Page, Request], None] | None = None
    stop: Leaving = field(default_factory=Leaving)


@dataclass(slots=True)
class Asking:
    """One page that is being asked about. `aside` runs its second witness, which is called at most once.

    `draft` is shown to who is asked in the final of two stages.
    """

    page: Page
    options: Options
    host: Host
    watch: Watch
    aside: Executor | None = None
    witness: hearing.Witness | None = None
    draft: str = ""

    def take(self, step: Step, noted: Try) -> Answer:
        """Ask one model in one way; where it breaks off, ask for the rest of the page."""
        if self.witness is None and self.aside is not None and hearing.wanted(step.model, self.options):
            self.witness = hearing.call(self.page.image(), routing.witnesses(), self.options, self.host, self.aside)
        answer = self._part(step, noted, None)
        if step.scale < 1:
            smaller = Notice("image_reduced", {"percent": round(100 * step.scale)})
            answer = replace(answer, notices=(*answer.notices, smaller))
        if answer.whole or self.options.task is Task.CHAT or not recipe(step.model, self.options.task).needs_image:
            return answer
        return self._mended(answer, step, noted)

    def _mended(self, answer: Answer, step: Step, noted: Try) -> Answer:
        words = hearing.first_words(self.witness)
        for _ in range(repair.MOST_ROUNDS):
            blocks = repair.good(answer.decoded.blocks)
            regions = repair.rest(blocks, words, self.page.size)
            if not regions or self.watch.stop.is_set():
                break
            further = self._rest(step, noted, _bands(answer, regions, words))
            if further is None:
                break
            answer = _joined(replace(answer, decoded=replace(answer.decoded, blocks=blocks)), further)
            if answer.whole:
                break
        return answer

    def _rest(self, step: Step, noted: Try, regions: tuple[Box, ...]) -> Answer | None:
        """The answers about the regions, one after the other, up to one that breaks off too; None when none came."""
        found: Answer | None = None
        for region in regions:
            try:
                part = self._part(step, noted, region)
            except ChatVLMLLMError:
                # What the first reply said stays worth having; the page keeps its verdict.
                break
            found = part if found is None else _joined(found, part)
            if not found.whole:
                break
        return found

    def _part(self, step: Step, noted: Try, region: Box | None) -> Answer:
        """One exchange about the whole page or a region of it; what loops is understood without its loop."""
        host, model = self.host, step.model
        noted.engine = host.engine_of(model, cpu=step.cpu)
        options = self.options if model.key == self.options.model else replace(self.options, settings={})
        within = Bounds(host.settings.limits.page_seconds, host.context(model))
        # The rest of a page is asked for without the draft, which is about all of it.
        drafted = self.draft if step.stage is Stage.FINAL and region is None else ""
        draft = shown(drafted, self.page, model, options, within.context) if drafted else ""
        request = prepare(self.page, model, options, within, step.scale, draft)
        if region is not None:
            request = _cropped(request, self.page, model, region)
        with host.ensure(model, cpu=step.cpu, alone=step.alone) as engine:
            noted.engine, noted.entered = engine.name, True
            if self.watch.asked is not None:
                self.watch.asked(self.page, request)
            reply = self._listen(engine, request)
        kept = repair.keep(reply)
        decoded = recipe(model, options.task).decode(kept.reply, request)
        return Answer(reply, decoded, (*caveats(model, request), *_cut(draft, drafted)), whole=not kept.broken)

    def _listen(self, engine: Engine, request: Request) -> Reply:
        """The engine's reply; past the deadline the generation is closed and what was said so far is kept."""
        started, said, stop = time.perf_counter(), list[str](), Stop.TIMEOUT
        stream = engine.stream(request)
        # Who waits for a word that does not come is woken by the stop.
        wake = getattr(stream, "interrupt", lambda: None)
        self.watch.stop.on(wake)
        try:
            with closing(stream):  # type: ignore[type-var]
                for item in stream:
                    if isinstance(item, Reply):
                        return item
                    said.append(item.text)
                    if self.watch.heard is not None:
                        self.watch.heard(self.page, item.text)
                    if self.watch.stop.is_set() or time.perf_counter() - started > request.limits.seconds:
                        break
        finally:
            self.watch.stop.off(wake)
        if self.watch.stop.is_set():
            stop = Stop.CANCELLED
        if not said:
            raise EmptyReply(model=request.model)
        return Reply(
            text="".join(said),
            stop=stop,
            model=request.model,
            engine=engine.name,
            device=engine.device,
            seconds={"generate": time.perf_counter() - started},
        )


def _cut(draft: str, drafted: str) -> tuple[Notice, ...]:
    """That the model was shown only a part of the draft."""
    if len(draft) == len(drafted):
        return ()
    return (Notice("draft_cut", {"shown": len(draft), "length": len(drafted)}),)


def _bands(answer: Answer, regions: tuple[Box, ...], words: tuple[Word, ...]) -> tuple[Box, ...]:
    """Where a table broke the answer, the rest is read in bands of rows: less at once, less to lose the thread in."""
    last = answer.decoded.blocks[-1] if answer.decoded.blocks else None
    if last is None or last.table is None:
        return regions
    return tuple(band for region in regions for band in repair.bands(region, words))


def _joined(first: Answer, second: Answer) -> Answer:
    further = (*first.further, second.reply, *second.further)
    notices = tuple(notice for notice in first.decoded.notices if notice.code != "parts_joined")
    joined = Notice("parts_joined", {"parts": 1 + len(further)})
    blocks = repair.join(first.decoded.blocks, second.decoded.blocks)
    decoded = Decoded(blocks, (*notices, *second.decoded.notices, joined))
    return replace(first, decoded=decoded, further=further, whole=second.whole)


def _cropped(request: Request, page: Page, model: Model, region: Box) -> Request:
    """The same question about a part of the page, at the size that the model wants of a picture of that shape."""
    edges = (round(region.x1), round(region.y1), round(region.x2), round(region.y2))
    image = page.image().crop(edges)
    wanted = model.image.fit(Size(*image.size))
    if (wanted.width, wanted.height) != image.size:
        image = image.resize((wanted.width, wanted.height), resample=3)
    return replace(request, region=Box(*edges), image=image)
