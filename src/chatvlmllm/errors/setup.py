"""The machine is not ready: exit 3."""

from chatvlmllm.errors.base import ChatVLMLLMError


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
