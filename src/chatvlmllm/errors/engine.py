"""What runs the model failed: exit 4."""

from chatvlmllm.errors.base import ChatVLMLLMError


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
