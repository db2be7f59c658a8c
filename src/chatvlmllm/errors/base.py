"""What every error of this package is: a stable code, an HTTP status, an exit code, sentences in every language."""

from typing import ClassVar, Self

from chatvlmllm import messages


class ChatVLMLLMError(Exception):
    """Base of all errors of this package; `details` are the values that its message names."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, **details: object) -> None:
        super().__init__()
        self.details = details
        self._said: tuple[str, str] | None = None

    def saying(self, message: str, hint: str) -> Self:
        """The same in somebody else's words: those of the server that raised it."""
        self._said = message, hint
        return self

    def message(self, language: str = "en") -> str:
        """What happened, in one sentence."""
        if self._said is not None:
            return self._said[0]
        return messages.render(f"errors.{self.code}.what", language, self.details)

    def hint(self, language: str = "en") -> str:
        """What to do about it."""
        if self._said is not None:
            return self._said[1]
        return messages.render(f"errors.{self.code}.hint", language, self.details)

    def __str__(self) -> str:
        return f"{self.message()} {self.hint()}".strip()

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.details, self._said))


class InternalError(ChatVLMLLMError):
    code = "internal_error"


def leaves(root: type[ChatVLMLLMError] | None = None) -> list[type[ChatVLMLLMError]]:
    """Every error that can be raised: the classes of the tree that have no children."""
    children = (root or ChatVLMLLMError).__subclasses__()
    return [leaf for child in children for leaf in (leaves(child) or [child])]


def exit_code(code: str) -> int:
    """The process exit code of the error with this `code`."""
    return next((leaf.exit_code for leaf in leaves() if leaf.code == code), ChatVLMLLMError.exit_code)


def errors_by_code() -> dict[str, type[ChatVLMLLMError]]:
    """Every error that can be raised, by its stable code."""
    return {leaf.code: leaf for leaf in leaves()}


def _rebuild(kind: type[ChatVLMLLMError], details: dict[str, object], said: tuple[str, str] | None) -> ChatVLMLLMError:
    """Keyword-only errors have to say how they cross a process boundary."""
    error = kind(**details)
    return error.saying(*said) if said is not None else error
