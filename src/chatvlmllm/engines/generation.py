"""One generation inside a worker: encode, check the budget, generate greedily, stream the text, know why it stopped.

Imports torch and transformers inside functions, so that the parent may read this file's names. Never samples, never
penalises repetition: both corrupt numbers and tables. Does not cover batches.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from chatvlmllm.decode.loops import LoopWatch
from chatvlmllm.errors import EngineStartFailed, NotFinite, PromptMismatch, TooLong
from chatvlmllm.exchange import Request, Stop
from chatvlmllm.geometry import Size
from chatvlmllm.models.card import Loaded, Model, Placement, conversation, pictures, sizing

#: The character that stands for bytes which are not yet a whole letter.
_INCOMPLETE = "\N{REPLACEMENT CHARACTER}"


class Speech:
    """Turns tokens into text as they come, and watches for loops; Transformers calls it a streamer.

    A piece is said once its letters are whole, so the pieces joined are exactly the reply.
    """

    def __init__(self, loaded: Loaded, say: Callable[[str], None]) -> None:
        self._loaded, self._say = loaded, say
        self._watch = LoopWatch()
        self._said_upto = self._window = 0
        self._begun = False
        self.tokens: list[int] = []
        self._words: list[int] = []
        self.first_at: float | None = None
        self.looped = False

    def put(self, value: Any) -> None:
        """The prompt first, then one token at a time."""
        if not self._begun:
            self._begun = True
            return
        self.first_at = self.first_at or time.perf_counter()
        new = value.flatten().tolist()
        self.tokens += new
        self._words += [token for token in new if token not in self._loaded.stops]
        piece = self._new_text()
        if piece and not piece.endswith(_INCOMPLETE):
            self._speak(piece)

    def end(self) -> None:
        piece = self._new_text()
        if piece:
            self._speak(piece)

    def _speak(self, piece: str) -> None:
        self._window, self._said_upto = self._said_upto, len(self._words)
        self.looped = self.looped or self._watch.feed(piece) is not None
        self._say(piece)

    def _new_text(self) -> str:
        """Text of the tokens not yet said, decoded together with those before, which decide about spaces."""
        before = self._decode(self._words[self._window : self._said_upto])
        return self._decode(self._words[self._window :])[len(before) :]

    def _decode(self, tokens: Sequence[int]) -> str:
        text: str = self._loaded.tokenizer.decode(
            tokens, skip_special_tokens=not self._loaded.special, clean_up_tokenization_spaces=False
        )
        return text


class Brake:
    """Ends a generation that loops, is cancelled or is out of time; Transformers asks it after every token."""

    def __init__(self, speech: Speech, unwanted: Callable[[], bool], deadline: float) -> None:
        self._speech, self._unwanted, self._deadline = speech, unwanted, deadline
        self.reason: Stop | None = None

    def __call__(self, input_ids: Any, *_: object, **__: object) -> Any:
        import torch

        if self._unwanted():
            self.reason = Stop.CANCELLED
        elif self._speech.looped:
            self.reason = Stop.LOOP
        elif time.perf_counter() > self._deadline:
            self.reason = Stop.TIMEOUT
        return torch.full((len(input_ids),), self.reason is not None, dtype=torch.bool, device=input_ids.device)


class Finite:
    """Refuses logits that are not numbers, before a token is chosen from them."""

    def __init__(self, model: str, placement: Placement) -> None:
        self._model, self._placement = model, placement

    def __call__(self, _: Any, scores: Any) -> Any:
        import torch

        if not torch.isfinite(scores).all():
            raise NotFinite(model=self._model, dtype=self._placement.dtype, device=self._placement.device)
        return scores


class Session:
    """One request to a loaded network. `context` bounds prompt and reply together, in tokens."""

    def __init__(self, card: Model, loaded: Loaded, placement: Placement, context: int | None) -> None:
        self._card, self._loaded, self._placement = card, loaded, placement
        self._context = context or card.context

    def run(self, request: Request, say: Callable[[str], None], unwanted: Callable[[], bool]) -> dict[str, object]:
        """Generate, calling `say` with each piece; returns what a reply needs besides the text."""
        import torch

        started = time.perf_counter()
        with torch.inference_mode():
            inputs = self._placed(self._loaded.encode(request))
            prompt = int(inputs["input_ids"].shape[1])
            self._check(request, inputs["input_ids"], prompt)
            encoded = time.perf_counter()
            speech = Speech(self._loaded, say)
            brake = Brake(speech, unwanted, started + request.limits.seconds)
            self._generate(inputs, request, speech, brake)
        ended = time.perf_counter()
        return {
            "stop": str(brake.reason or self._natural_stop(speech)),
            "usage": {"prompt_tokens": prompt, "completion_tokens": len(speech.tokens)},
            "seconds": {
                "encode": encoded - started,
                "first_token": (speech.first_at or ended) - encoded,
                "generate": ended - encoded,
            },
        }

    def _generate(self, inputs: Mapping[str, Any], request: Request, speech: Speech, brake: Brake) -> None:
        import torch
        from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

        guards = [Finite(request.model, self._placement), *self._loaded.guards]
        manner = request.manner
        chance: dict[str, object] = {"do_sample": False}
        if manner.temperature > 0:
            chance = {"do_sample": True, "temperature": manner.temperature, "top_p": manner.top_p or 1.0, "top_k": 0}
            if manner.seed is not None:
                torch.manual_seed(manner.seed)
        settings = GenerationConfig(
            **chance,
            num_beams=1,
            max_new_tokens=request.limits.tokens,
            eos_token_id=list(self._loaded.stops),
            pad_token_id=self._loaded.stops[0],
        )
        self._loaded.network.generate(
            **inputs,
            generation_config=settings,
            streamer=speech,
            stopping_criteria=StoppingCriteriaList([brake]),
            logits_processor=LogitsProcessorList(guards),
        )

    def _placed(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs on the network's device; only fractions take its type, indices stay whole."""
        import torch

        dtype = getattr(torch, self._placement.dtype)
        placed: dict[str, Any] = {}
        for name, value in inputs.items():
            if isinstance(value, torch.Tensor):
                placed[name] = value.to(self._placement.device, dtype if value.is_floating_point() else None)
            else:
                placed[name] = value
        return placed

    def _check(self, request: Request, input_ids: Any, prompt: int) -> None:
        """The image must stand in the prompt with exactly the tokens that were planned for it, and all must fit."""
        rule = sizing(self._card, request.options)
        planned = sum(rule.tokens(Size(*picture.size)) for picture in pictures(conversation(request)))
        found = int((input_ids == self._loaded.image_token).sum())
        if found != planned:
            raise PromptMismatch(model=request.model, planned=planned, found=found)
        if self._context is not None and prompt + request.limits.tokens > self._context:
            room = self._context - request.limits.tokens
            raise TooLong(model=request.model, tokens=prompt, room=room, context=self._context)

    def _natural_stop(self, speech: Speech) -> Stop:
        ended = bool(speech.tokens) and speech.tokens[-1] in self._loaded.stops
        return Stop.END if ended else Stop.LENGTH


def verify(loaded: Loaded, placement: Placement, model: str) -> None:
    """Every weight must be where it was put, nothing moved by itself; and a reply must be able to end."""
    if not loaded.stops:
        raise EngineStartFailed(model=model, reason="its tokenizer has none of the tokens that end a reply")
    wanted = placement.device
    strays = {
        str(weight.device)
        for weight in [*loaded.network.parameters(), *loaded.network.buffers()]
        if str(weight.device) != wanted
    }
    if strays:
        found = ", ".join(sorted(strays))
        raise EngineStartFailed(model=model, reason=f"weights meant for {wanted} are on {found}")


def out_of_memory(error: Exception) -> bool:
    """True when memory of the device or of the machine was exhausted."""
    import torch

    return isinstance(error, torch.OutOfMemoryError | MemoryError)


def poisoned(error: Exception) -> bool:
    """True when the GPU context of this process is broken, so that every later call would fail too."""
    import torch

    accelerator = getattr(torch, "AcceleratorError", None)
    return (accelerator is not None and isinstance(error, accelerator)) or "CUDA error" in str(error)


def versions() -> dict[str, str]:
    """Libraries on which a reply depends."""
    found = {}
    for name in ("torch", "transformers", "accelerate", "bitsandbytes", "flash-attn"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
