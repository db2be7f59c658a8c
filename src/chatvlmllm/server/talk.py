"""A conversation with a model: enters as turns, becomes one `Request`, leaves as `Delta`s and an `Outcome`.

A model that talks is asked. One that only reads is given the pages of the latest message, and its answer is their text:
the result says so. Does not cover the wire (`wire`) or the routes (`openai`).
"""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from chatvlmllm import pipeline, prepare, routing
from chatvlmllm.asking import Watch
from chatvlmllm.document import Document, Page
from chatvlmllm.engines.host import Host
from chatvlmllm.engines.interrupt import Leaving
from chatvlmllm.engines.start import CONSTRAINED
from chatvlmllm.errors import (
    ChatVLMLLMError,
    EmptyReply,
    EngineError,
    InvalidRequest,
    NeedsPicture,
    NotConstrained,
    ServerRefused,
    SetupError,
)
from chatvlmllm.exchange import Delta, Limits, Manner, Reply, Request, Stop, Task, Turn
from chatvlmllm.geometry import Size, whole
from chatvlmllm.models import catalogue, find
from chatvlmllm.models.card import Model
from chatvlmllm.reading import Reading
from chatvlmllm.run import Options
from chatvlmllm.server.stops import Cutter

if TYPE_CHECKING:
    from PIL.Image import Image

#: Tokens that the template of a conversation takes, generously.
_FRAME = 128
#: What is said between two pages that were read.
_BETWEEN = "\n\n"

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the client's, with its open documents."""

    role: Role
    text: str
    documents: tuple[Document, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of which model (a key or `auto`): in which manner, at most how many tokens; `task` for a reader."""

    model: str
    said: tuple[Said, ...]
    manner: Manner = field(default_factory=Manner)
    tokens: int | None = None
    task: Task | None = None
    languages: tuple[str, ...] = ("rus", "eng")


@dataclass(frozen=True, slots=True)
class Choice:
    """Who answers, doing what, and why it (a stable word)."""

    model: str
    task: Task
    reason: str


@dataclass(slots=True)
class Outcome:
    """How it went: the reply of a model that talked, or the readings of one that reads, and tries that failed."""

    choice: Choice
    reply: Reply | None = None
    readings: list[Reading] = field(default_factory=list)
    failed: list[tuple[Choice, ChatVLMLLMError]] = field(default_factory=list)
    seconds: float = 0.0


def answer(question: Question, host: Host, leaving: Leaving, most: int) -> Iterator[Delta | Outcome]:
    """Pieces of the answer, then how it went; `most` bounds the pictures of a conversation.

    Raises NeedsPicture, NotConstrained, InvalidRequest and whatever the engine raises.
    """
    began = time.perf_counter()
    choices = choose(question, host)
    failed: list[tuple[Choice, ChatVLMLLMError]] = []
    for number, choice in enumerate(choices):
        outcome = Outcome(choice, failed=failed)
        said = False
        try:
            for delta in _carried_out(question, outcome, host, leaving, most):
                said = True
                yield delta
        except (EngineError, SetupError) as error:
            # Another model may answer instead only while nothing was said, and only if the user named none.
            if said or number + 1 == len(choices) or leaving.is_set():
                raise
            failed.append((choice, error))
            continue
        outcome.seconds = time.perf_counter() - began
        yield outcome
        return


def choose(question: Question, host: Host) -> list[Choice]:
    """Who may answer, best first; raises UnknownModel, TaskNotSupported or NeedsPicture."""
    pictures = bool(question.said[-1].documents)
    if question.model != routing.AUTO:
        model = find(question.model)
        task = question.task or (Task.CHAT if Task.CHAT in model.recipes else Task.TEXT)
        prepare.recipe(model, task)
        if task is not Task.CHAT and not pictures:
            raise NeedsPicture(model=model.key, models=_talkers())
        return [Choice(model.key, task, routing.CHOSEN)]
    if question.task not in (None, Task.CHAT) and not pictures:
        raise NeedsPicture(model=routing.AUTO, models=_talkers())
    options = Options(task=Task.CHAT, languages=question.languages)
    found = routing.talkers(options, routing.machine(host), routing.table(host.settings.data))
    choices = [Choice(one.model.key, Task.CHAT, one.reason) for one in found]
    if question.task not in (None, Task.CHAT):
        choices = []
    if pictures:
        choices.append(Choice(routing.AUTO, question.task or Task.TEXT, "reads_only"))
    if not choices:
        raise NeedsPicture(model=routing.AUTO, models=_talkers())
    return choices


def _talkers() -> str:
    return ", ".join(key for key, model in catalogue().items() if Task.CHAT in model.recipes)


def _carried_out(question: Question, outcome: Outcome, host: Host, leaving: Leaving, most: int) -> Iterator[Delta]:
    choice = outcome.choice
    engine = host.engine_of(find(choice.model)) if choice.model != routing.AUTO else "embedded"
    constrained = engine in CONSTRAINED
    if question.manner.form is not None and (choice.task is not Task.CHAT or not constrained):
        raise NotConstrained(model=choice.model, engine=engine)
    if choice.task is Task.CHAT:
        pieces = _talked(question, outcome, host, leaving, most)
    else:
        pieces = _read(question, outcome, host, leaving)
    if question.manner.stops and not (constrained and choice.task is Task.CHAT):
        pieces = Cutter(question.manner.stops).over(pieces)
    with closing(pieces):  # type: ignore[type-var]
        yield from pieces


def _read(question: Question, outcome: Outcome, host: Host, leaving: Leaving) -> Iterator[Delta]:
    """The pages of the latest message, each as soon as it was read."""
    choice = outcome.choice
    options = Options(choice.model, choice.task, question.languages)
    pages = (page for document in question.said[-1].documents for page in document.pages())
    for _, reading in pipeline.read_pages(pages, options, host, Watch(stop=leaving)):
        outcome.readings.append(reading)
        if reading.text:
            yield Delta(_BETWEEN * (len(outcome.readings) > 1) + reading.text)


def _talked(question: Question, outcome: Outcome, host: Host, leaving: Leaving, most: int) -> Iterator[Delta]:
    """What the model says, until it ends, or the client leaves, or the time is over."""
    model = find(outcome.choice.model)
    request = asked(question, model, host, most)
    with host.ensure(model) as engine:
        started, said = time.perf_counter(), list[str]()
        stream = engine.stream(request)
        wake = getattr(stream, "interrupt", lambda: None)
        leaving.on(wake)
        stop = Stop.CANCELLED
        try:
            with closing(stream):  # type: ignore[type-var]
                for item in stream:
                    if isinstance(item, Reply):
                        outcome.reply = item
                        return
                    said.append(item.text)
                    yield item
                    if leaving.is_set():
                        break
                    if time.perf_counter() - started > request.limits.seconds:
                        stop = Stop.TIMEOUT
                        break
        except ServerRefused as refused:
            raise _explained(refused) from refused
        finally:
            leaving.off(wake)
        if not said and not leaving.is_set():
            raise EmptyReply(model=model.key)
        outcome.reply = Reply(text="".join(said), stop=stop, model=model.key, engine=engine.name, device=engine.device)


def _explained(refused: ServerRefused) -> ChatVLMLLMError:
    """A refusal of the request itself is the client's to mend."""
    if refused.details.get("status") in (400, 422):
        return InvalidRequest(where="messages", problem=refused.details.get("reason", ""))
    return refused


def asked(question: Question, model: Model, host: Host, most: int) -> Request:
    """What is sent to a model that talks; raises InvalidRequest for too many pictures, TooLong when they do not fit."""
    chosen = prepare.recipe(model, Task.CHAT)
    pages = [[page for document in said.documents for page in document.pages()] for said in question.said]
    count = sum(len(held) for held in pages)
    if count > most:
        problem = f"{count} pictures and pages; at most {most} (server.chat_pages)"
        raise InvalidRequest(where="messages", problem=problem)
    tokens = question.tokens or chosen.limits.tokens
    context = host.context(model) or model.context
    room = None
    if context is not None and count:
        # A token holds two bytes of text at least, in every language that matters here.
        text = sum(len(said.text.encode()) for said in question.said) // 2
        tokens = min(tokens, max(1, context // 2))
        room = max(0, context - tokens - text - _FRAME) // count
    turns = tuple(_turn(said, held, model, room) for said, held in zip(question.said, pages, strict=True))
    first = next((turn.images[0] for turn in turns if turn.images), None)
    size = Size(*first.size) if first is not None else Size(1, 1)
    return Request(
        model=model.key,
        task=Task.CHAT,
        page=size,
        region=whole(size),
        turns=turns,
        languages=question.languages,
        limits=Limits(tokens, min(chosen.limits.seconds, host.settings.limits.page_seconds)),
        options=dict(chosen.options),
        manner=question.manner,
    )


def _turn(said: Said, pages: list[Page], model: Model, room: int | None) -> Turn:
    pictures = [_picture(page, model, room) for page in pages]
    return Turn(said.role, said.text, tuple(image for image, _ in pictures), tuple(file for _, file in pictures))


def _picture(page: Page, model: Model, room: int | None) -> "tuple[Image, str | None]":
    """The page as the model wants it, and its own file where that is the same."""
    wanted = prepare.fit(page.size, model, {}, room)
    if wanted == page.size and (found := page.verbatim()) is not None:
        return found
    image = page.image()
    if (wanted.width, wanted.height) != image.size:
        image = image.resize((wanted.width, wanted.height), resample=3)
    return image, None
