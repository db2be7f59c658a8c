"""What a page does when its engine fails: again, smaller, another model, the CPU; and what it all was, in `attempts`.

`walk` knows nothing of pages: it is given steps and a way to take one. A page that ended its engine twice is not sent
there again; the second time it is alone with it, so that no neighbour is blamed.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from chatvlmllm import messages
from chatvlmllm.decode import Decoded
from chatvlmllm.engines.host import FATAL
from chatvlmllm.errors import (
    ChatVLMLLMError,
    ConfigInvalid,
    EngineError,
    InputError,
    MissingExtra,
    MissingLanguage,
    MissingWeights,
    NotEnoughMemory,
    ReplyError,
    SetupError,
    TaskNotSupported,
    TooLong,
    UnpinnedCode,
)
from chatvlmllm.exchange import Reply, Stop
from chatvlmllm.models.card import Model
from chatvlmllm.reading import Attempt, Failure, Notice, Stage
from chatvlmllm.routing import CHOSEN, Candidate

#: A page that ended an engine so often is kept away from it.
STRIKES = 2
#: How much smaller, by the side, the image becomes at each lack of memory, and how small at most.
_SHRINK, _SMALLEST = 0.7, 0.4
#: A reply that looped is asked for once more with an image of this size: other patches, another way through.
_OTHER_SIZE = 0.85


@dataclass(frozen=True, slots=True)
class Step:
    """One way to try: this model, for this reason, on the CPU or not, with the image this large, alone or not.

    In the `final` stage it is shown a draft.
    """

    model: Model
    reason: str
    rank: int = 0
    cpu: bool = False
    scale: float = 1.0
    alone: bool = False
    stage: Stage = Stage.WHOLE

    @property
    def fell_back(self) -> bool:
        """Whether this is something else than what was to answer."""
        return self.rank > 0 or self.cpu


@dataclass(slots=True)
class Try:
    """What is noted while a step is taken: was the engine `entered`, and which engine it was."""

    engine: str = ""
    entered: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply, what was understood of it, and caveats about the request.

    Where the reply broke off, `further` are those about the rest of the page; `whole` if the last came to its end.
    """

    reply: Reply
    decoded: Decoded
    notices: tuple[Notice, ...] = ()
    further: tuple[Reply, ...] = ()
    whole: bool = True


#: Takes a step and notes in the `Try` how far it came; raises what went wrong.
Take = Callable[[Step, Try], Answer]


@dataclass(slots=True)
class Walk:
    """How it went: the answer if there is one, the step that gave it, every attempt, and the last error."""

    answer: Answer | None = None
    step: Step | None = None
    attempts: list[Attempt] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    error: ChatVLMLLMError | None = None


def steps(chain: Sequence[Candidate], *, cpu: bool = False, stage: Stage = Stage.WHOLE) -> Iterator[Step]:
    """The rungs: candidates in order, then the first of them on the CPU if allowed, the embedded readers last."""
    ranked = [Step(candidate.model, candidate.reason, rank, stage=stage) for rank, candidate in enumerate(chain)]
    inside = [step for step in ranked if "embedded" in step.model.runtimes]
    outside = [step for step in ranked if step not in inside]
    # Readers inside the program that were put before any network (the text layer) keep their place.
    first = [step for step in inside if not outside or step.rank < outside[0].rank]
    yield from first
    yield from outside
    if cpu and outside and "transformers" in outside[0].model.runtimes:
        yield replace(outside[0], reason="same_on_cpu", cpu=True)
    yield from (step for step in inside if step not in first)


def walk(rungs: Iterator[Step], take: Take, wanted: Callable[[], bool] = lambda: True) -> Walk:
    """Climb until something answers, or until the page is no longer `wanted`."""
    so_far = Walk()
    for rung in rungs:
        _stay(rung, take, wanted, so_far)
        if so_far.answer is not None or not wanted():
            break
        if so_far.error is not None and not _goes_on(so_far.error, rung):
            break
    return so_far


def _stay(rung: Step, take: Take, wanted: Callable[[], bool], so_far: Walk) -> None:
    """Everything worth trying with one model."""
    step: Step | None = rung
    strikes = 0
    while step is not None and wanted():
        answer, error, entered = _try(step, take, so_far)
        if answer is not None:
            so_far.answer, so_far.step = _straightened(answer, step, take, so_far)
            return
        strikes += entered and isinstance(error, FATAL)
        if strikes >= STRIKES:
            so_far.notices.append(Notice("quarantined", {"model": step.model.key, "times": strikes}))
        step = _again(step, error, strikes, entered=entered)


def _straightened(answer: Answer, step: Step, take: Take, so_far: Walk) -> tuple[Answer, Step]:
    """The answer, or if it loops the one to a second question that does not."""
    if answer.reply.stop is not Stop.LOOP or answer.whole or not _can_shrink(step):
        return answer, step
    other = replace(step, reason="after_loop", scale=step.scale * _OTHER_SIZE)
    second, _, _ = _try(other, take, so_far)
    return (answer, step) if second is None or second.reply.stop is Stop.LOOP else (second, other)


def _try(step: Step, take: Take, so_far: Walk) -> tuple[Answer | None, ChatVLMLLMError | None, bool]:
    begun, noted = time.perf_counter(), Try()
    try:
        answer = take(step, noted)
    except ChatVLMLLMError as error:
        so_far.error = error
        so_far.attempts.append(_attempt(step, noted, None, error, time.perf_counter() - begun))
        return None, error, noted.entered
    so_far.attempts += _rounds(step, noted, answer, time.perf_counter() - begun)
    return answer, None, noted.entered


def _rounds(step: Step, noted: Try, answer: Answer, seconds: float) -> list[Attempt]:
    """One attempt per reply; the first takes what time the others did not."""
    later = [sum(reply.seconds.values()) for reply in answer.further]
    rest = replace(step, reason="rest_of_page")
    return [
        _attempt(step, noted, answer.reply, None, max(0.0, seconds - sum(later))),
        *(_attempt(rest, noted, reply, None, took) for reply, took in zip(answer.further, later, strict=True)),
    ]


def _again(step: Step, error: ChatVLMLLMError | None, strikes: int, *, entered: bool) -> Step | None:
    """The next try with the same model, or None."""
    if not entered:
        return None
    if isinstance(error, NotEnoughMemory) and _can_shrink(step):
        return replace(step, reason="smaller", scale=step.scale * _SHRINK)
    if isinstance(error, FATAL) and strikes < STRIKES:
        return replace(step, reason="after_crash", alone=True)
    return None


def _can_shrink(step: Step) -> bool:
    return step.model.weights is not None and step.scale * _SHRINK >= _SMALLEST


#: What a user who chose a model has to mend: it never ran, so nothing crashed that another model should stand in for.
_TO_MEND = (ConfigInvalid, MissingExtra, MissingLanguage, MissingWeights, UnpinnedCode)


def _goes_on(error: ChatVLMLLMError, rung: Step) -> bool:
    """Could another model do better? Not where the page or the request is wrong, or a chosen model is not installed."""
    if isinstance(error, InputError):
        return isinstance(error, TaskNotSupported | TooLong)
    if rung.reason == CHOSEN and isinstance(error, _TO_MEND):
        return False
    return isinstance(error, EngineError | SetupError | ReplyError)


def _attempt(step: Step, noted: Try, reply: Reply | None, error: ChatVLMLLMError | None, seconds: float) -> Attempt:
    return Attempt(
        model=step.model.key,
        engine=reply.engine if reply else noted.engine or next(iter(step.model.runtimes)),
        device=reply.device if reply else None,
        reason=step.reason,
        outcome=reply.stop if reply else "failed",
        seconds=seconds,
        failure=failure(error) if error else None,
        stage=step.stage,
    )


def failure(error: ChatVLMLLMError) -> Failure:
    """An error as part of a result."""
    details = {name: messages.printable(value) for name, value in error.details.items()}
    return Failure(error.code, error.message(), error.hint(), details)
