"""The whole error tree.

ChatVLMLLMError
├─ InputError    the file or the request is wrong        exit 2
│   FileMissing 404 · NotAFile 422 · FileUnreadable 403 · EmptyFile 422 · UnsupportedFile 415 · FileTooLarge 413
│   ImageTooLarge 413 · DamagedFile 422 · LockedPdf 422 · TooManyPages 413 · BadPageRange 422
│   PageOutOfRange 422 · NoTextLayer 422 · UnknownModel 404 · TaskNotSupported 422 · UnknownFormat 422
│   OutputUnwritable 422 · UnreadableResult 422 · TooLong 422 · UnknownOption 422 · UnknownForm 404
│   InvalidRequest 422 · KeyWrong 401 · OriginForbidden 403 · NoSuchPath 404 · MethodNotAllowed 405
│   RequestTooLarge 413 · RequestTooSlow 408 · UrlForbidden 403 · UrlFailed 422 · NeedsPicture 422
│   NotConstrained 422 · UnsafeFile 422 · UnknownJob 404 · UnknownDocument 404 · JobUnfinished 409 · OriginalGone 410
│   UnknownData 404 · UnknownDegradation 422 · UnreadableTruth 422 · NothingToMeasure 422 · NothingMeasured 422
│   NothingCommon 422 · PicturesMissing 422 · ArchiveUnsafe 422 · BadManifest 422 · NothingToRead 422
│   RemoteFailed 502
├─ SetupError    this machine is not ready               exit 3
│   ConfigInvalid 500 · FormInvalid 500 · MissingExtra 503 · MissingLanguage 503 · DownloadFailed 503
│   OfflineForbidden 503 · MissingProgram 503
│   MissingWeights 503 · NotEnoughMemory 503 · NotEnoughDisk 503 · GatedModel 503 · UnpinnedCode 503
│   EngineNotSupported 503 · ImageMissing 503 · NoContainerEngine 503 · StoreUnusable 503 · StoreTooNew 503
│   KeyNeeded 503 · AddressTaken 503 · ServerRuns 503
├─ EngineError   what runs the model failed              exit 4
│   EngineStartFailed 503 · EngineCrashed 503 · EngineTimeout 504 · GenerationFailed 503
│   PromptMismatch 503 · EngineHung 504 · EngineResting 503 · EngineBusy 429 · CudaFailed 503
│   PortTaken 503 · AcceleratorTaken 503 · ServerUnreachable 503 · ServerRefused 502 · ServerBusy 429
│   QueueFull 429 · JobAbandoned 503
│   BatchRuns 409 · PageFatal 503 · NodesLost 503
├─ ReplyError    the model answered uselessly            exit 5
│   EmptyReply 502 · UndecodableReply 502 · NotFinite 502 · NotAsAsked 502
└─ InternalError 500    a mistake in this program        exit 1

A class carries what programs need: a stable `code`, an HTTP `status`, a process `exit_code`. Its sentences, in every
language, stand in `messages/<language>.toml` under the code. Errors are for "there is no reading"; a reading with
caveats carries `reading.Notice`s instead.
"""

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


class InputError(ChatVLMLLMError):
    status, exit_code = 422, 2


class FileMissing(InputError):
    code, status = "file_missing", 404


class NotAFile(InputError):
    code = "not_a_file"


class FileUnreadable(InputError):
    code, status = "file_unreadable", 403


class EmptyFile(InputError):
    code = "empty_file"


class UnsupportedFile(InputError):
    code, status = "unsupported_file", 415


class FileTooLarge(InputError):
    code, status = "file_too_large", 413


class ImageTooLarge(InputError):
    code, status = "image_too_large", 413


class DamagedFile(InputError):
    code = "damaged_file"


class LockedPdf(InputError):
    code = "locked_pdf"


class TooManyPages(InputError):
    code, status = "too_many_pages", 413


class BadPageRange(InputError):
    code = "bad_page_range"


class PageOutOfRange(InputError):
    code = "page_out_of_range"


class NoTextLayer(InputError):
    code = "no_text_layer"


class UnknownModel(InputError):
    code, status = "unknown_model", 404


class TaskNotSupported(InputError):
    code = "task_not_supported"


class UnknownFormat(InputError):
    code = "unknown_format"


class UnknownForm(InputError):
    code, status = "unknown_form", 404


class PicturesMissing(InputError):
    code = "pictures_missing"


class ArchiveUnsafe(InputError):
    code = "archive_unsafe"


class BadManifest(InputError):
    code = "bad_manifest"


class NothingToRead(InputError):
    code = "nothing_to_read"


class RemoteFailed(InputError):
    code, status = "remote_failed", 502


class OutputUnwritable(InputError):
    code = "output_unwritable"


class UnreadableResult(InputError):
    code = "unreadable_result"


class UnknownData(InputError):
    code, status = "unknown_data", 404


class UnknownDegradation(InputError):
    code = "unknown_degradation"


class UnreadableTruth(InputError):
    code = "unreadable_truth"


class NothingToMeasure(InputError):
    code = "nothing_to_measure"


class NothingMeasured(InputError):
    code = "nothing_measured"


class NothingCommon(InputError):
    code = "nothing_common"


class TooLong(InputError):
    code = "too_long"


class UnknownOption(InputError):
    code = "unknown_option"


class InvalidRequest(InputError):
    code = "invalid_request"


class KeyWrong(InputError):
    code, status = "key_wrong", 401


class OriginForbidden(InputError):
    code, status = "origin_forbidden", 403


class NoSuchPath(InputError):
    code, status = "no_such_path", 404


class MethodNotAllowed(InputError):
    code, status = "method_not_allowed", 405


class RequestTooLarge(InputError):
    code, status = "request_too_large", 413


class RequestTooSlow(InputError):
    code, status = "request_too_slow", 408


class UrlForbidden(InputError):
    code, status = "url_forbidden", 403


class UrlFailed(InputError):
    code = "url_failed"


class NeedsPicture(InputError):
    code = "needs_picture"


class NotConstrained(InputError):
    code = "not_constrained"


class UnsafeFile(InputError):
    code = "unsafe_file"


class UnknownJob(InputError):
    code, status = "unknown_job", 404


class UnknownChat(InputError):
    code, status = "unknown_chat", 404


class UnknownDocument(InputError):
    code, status = "unknown_document", 404


class JobUnfinished(InputError):
    code, status = "job_unfinished", 409


class OriginalGone(InputError):
    code, status = "original_gone", 410


class SetupError(ChatVLMLLMError):
    status, exit_code = 503, 3


class ConfigInvalid(SetupError):
    code, status = "config_invalid", 500


class FormInvalid(SetupError):
    code, status = "form_invalid", 500


class MissingExtra(SetupError):
    code = "missing_extra"


class MissingProgram(SetupError):
    code = "missing_program"


class MissingLanguage(SetupError):
    code = "missing_language"


class DownloadFailed(SetupError):
    code = "download_failed"


class OfflineForbidden(SetupError):
    code = "offline_forbidden"


class MissingWeights(SetupError):
    code = "missing_weights"


class NotEnoughMemory(SetupError):
    code = "not_enough_memory"


class NotEnoughDisk(SetupError):
    code = "not_enough_disk"


class GatedModel(SetupError):
    code = "gated_model"


class UnpinnedCode(SetupError):
    code = "unpinned_code"


class EngineNotSupported(SetupError):
    code = "engine_not_supported"


class ImageMissing(SetupError):
    code = "image_missing"


class NoContainerEngine(SetupError):
    code = "no_container_engine"


class StoreUnusable(SetupError):
    code = "store_unusable"


class StoreTooNew(SetupError):
    code = "store_too_new"


class KeyNeeded(SetupError):
    code = "key_needed"


class AddressTaken(SetupError):
    code = "address_taken"


class ServerRuns(SetupError):
    code = "server_runs"


class ServerStartFailed(SetupError):
    code, status = "server_start_failed", 503


class EngineError(ChatVLMLLMError):
    status, exit_code = 503, 4


class EngineStartFailed(EngineError):
    code = "engine_start_failed"


class EngineCrashed(EngineError):
    code = "engine_crashed"


class EngineTimeout(EngineError):
    code, status = "engine_timeout", 504


class GenerationFailed(EngineError):
    code = "generation_failed"


class PromptMismatch(EngineError):
    code = "prompt_mismatch"


class EngineHung(EngineError):
    code, status = "engine_hung", 504


class EngineResting(EngineError):
    code = "engine_resting"


class BatchRuns(EngineError):
    code, status = "batch_runs", 409


class PageFatal(EngineError):
    code = "page_fatal"


class NodesLost(EngineError):
    code = "nodes_lost"


class EngineBusy(EngineError):
    code, status = "engine_busy", 429


class CudaFailed(EngineError):
    code = "cuda_failed"


class PortTaken(EngineError):
    code = "port_taken"


class AcceleratorTaken(EngineError):
    code = "accelerator_taken"


class ServerUnreachable(EngineError):
    code = "server_unreachable"


class ServerRefused(EngineError):
    code, status = "server_refused", 502


class ServerBusy(EngineError):
    code, status = "server_busy", 429


class QueueFull(EngineError):
    code, status = "queue_full", 429


class JobAbandoned(EngineError):
    code = "job_abandoned"


class ReplyError(ChatVLMLLMError):
    status, exit_code = 502, 5


class EmptyReply(ReplyError):
    code = "empty_reply"


class UndecodableReply(ReplyError):
    code = "undecodable_reply"


class NotFinite(ReplyError):
    code = "not_finite"


class NotAsAsked(ReplyError):
    code = "not_as_asked"


class InternalError(ChatVLMLLMError):
    code = "internal_error"
