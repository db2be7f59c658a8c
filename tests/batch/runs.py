"""A program that runs the command line again and again, each time in a process of its own that may be killed.

Everything is imported once; a run is a fork that takes tens of milliseconds to begin. Reads a line of JSON arguments
from standard input, prints the process number, and after its end the exit status (negative for a signal).
"""

import io
import json
import os
import sys
from contextlib import redirect_stderr
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.pdfs import text_pdf


def call(*arguments: str) -> int:
    """The exit code of `chatvlmllm ARGUMENTS…`."""
    import chatvlmllm.cli

    sys.argv = ["chatvlmllm", *arguments]
    try:
        chatvlmllm.cli.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def main() -> None:
    with TemporaryDirectory() as folder, redirect_stderr(io.StringIO()):
        # The first run imports what all others need.
        paper = Path(folder) / "paper.pdf"
        paper.write_bytes(text_pdf("first"))
        call("batch", str(paper), "-o", folder + "/out", "-f", "txt", "-f", "alto", "-f", "csv")
    for line in sys.stdin:
        arguments, errors = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
            os._exit(call(*arguments))
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
