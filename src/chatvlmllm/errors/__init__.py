"""The whole error tree: one file for each family, one class for each thing that can go wrong.

ChatVLMLLMError
├─ InputError    the file or the request is wrong     exit 2   input.py
├─ SetupError    this machine is not ready            exit 3   setup.py
├─ EngineError   what runs the model failed           exit 4   engine.py
├─ ReplyError    the model answered uselessly         exit 5   reply.py
└─ InternalError a mistake in this program            exit 1   base.py

A class carries what programs need: a stable `code`, an HTTP `status`, a process `exit_code`. Its sentences, in every
language, stand in `messages/<language>.toml` under the code. Errors are for "there is no reading"; a reading with
caveats carries `reading.Notice`s instead.
"""

# Each family is a list, and the list is what is wanted.
from chatvlmllm.errors.base import *  # noqa: F403
from chatvlmllm.errors.engine import *  # noqa: F403
from chatvlmllm.errors.input import *  # noqa: F403
from chatvlmllm.errors.reply import *  # noqa: F403
from chatvlmllm.errors.setup import *  # noqa: F403
