"""The model answered uselessly: exit 5."""

from chatvlmllm.errors.base import ChatVLMLLMError


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
