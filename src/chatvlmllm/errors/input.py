"""The file or the request is wrong: exit 2."""

from chatvlmllm.errors.base import ChatVLMLLMError


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
