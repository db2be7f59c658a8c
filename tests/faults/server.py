"""A program that speaks OpenAI's protocol and misbehaves as told: `server.py MODE … --port P --served-model-name NAME`.

Standard library only. A mode is a word with an optional value; several may be given.

    slow=S           ready after S seconds            exit0            ends with status 0 instead of getting ready
    die=N            ends with status 1 at token N    quit=N           ends with status 0 at token N
    once=FILE        misbehaves only while FILE is absent, and makes it
    width=W          misbehaves only for images W pixels wide
    above=A          misbehaves only for images of more than A pixels
    hang=N           says nothing after token N       ping=N           the same, with comments to keep the line alive
    half=N           half a frame after token N       dead             a live port before a dead engine
    oom              runs out of GPU memory           assert           a device-side assert
    loop             repeats itself for ever          length           is cut off
    repetition       ends as vLLM does on repetition  refuse=SENTENCE  HTTP 400
    pace=S           S seconds between tokens         taken            says its port is taken
    deaf             ignores SIGTERM                  text=T           what it reads (default: the size of the image)
    owner=NAME       `owned_by` in the list of models   note=FILE    writes down what it was asked last
    diary=FILE       writes a line of JSON about its start and about everything it was asked
    json=OBJECT      what it says when its answer is held to a schema: the object without keys that the schema lacks
"""

import base64
import hashlib
import json
import os
import signal
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MODE = {name: value for name, _, value in (a.partition("=") for a in sys.argv[1:] if not a.startswith("--"))}
FLAGS = {name.lstrip("-"): value for name, _, value in (a.partition("=") for a in sys.argv[1:] if a.startswith("--"))}
KEY = os.environ.get("VLLM_API_KEY", "")
ASLEEP, DEAD = threading.Event(), threading.Event()


def width_and_height(body: dict) -> tuple[int, int]:
    """The size of the PNG that was sent, from its header."""
    for message in body["messages"]:
        for part in message["content"] if isinstance(message["content"], list) else ():
            if part["type"] == "image_url":
                content = base64.b64decode(part["image_url"]["url"].partition(",")[2])
                return struct.unpack(">II", content[16:24])
    return 0, 0


def asked(body: dict) -> dict[str, str]:
    """What the diary says of a request: the picture's digest and the text beside it."""
    parts = [part for message in body["messages"] for part in message["content"]]
    pictures = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    text = "".join(part["text"] for part in parts if part["type"] == "text")
    return {"picture": hashlib.sha256("".join(pictures).encode()).hexdigest(), "text": text}


def diary(event: str, **more: str) -> None:
    """One write per line, so that servers may share a file."""
    if "diary" in MODE:
        line = {"model": FLAGS.get("served-model-name", "model"), "event": event, **more}
        with Path(MODE["diary"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def held(body: dict) -> str:
    """The answer under a schema, as constrained decoding would give it; empty where none is asked for."""
    wanted = body.get("response_format") or {}
    if wanted.get("type") != "json_schema" or "json" not in MODE:
        return ""
    keys = wanted["json_schema"]["schema"]["properties"]
    said = json.loads(MODE["json"])
    return json.dumps({key: said.get(key) for key in keys}, ensure_ascii=False)


def meant(size: tuple[int, int]) -> bool:
    """Is this the request to misbehave at?"""
    if "width" in MODE and int(MODE["width"]) != size[0]:
        return False
    if "above" in MODE and size[0] * size[1] <= int(MODE["above"]):
        return False
    if "once" in MODE:
        try:
            Path(MODE["once"]).open("x").close()
        except FileExistsError:
            return False
    return True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nothing: the log belongs to the faults."""

    def _json(self, status: int, value: object) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        if self.path == "/health":
            self._json(503 if DEAD.is_set() else 200, {})
        elif KEY and self.headers.get("Authorization") != f"Bearer {KEY}":
            self._json(401, {"error": "Unauthorized"})
        elif self.path == "/v1/models":
            name = FLAGS.get("served-model-name", "model")
            self._json(200, {"data": [{"id": name, "owned_by": MODE.get("owner", "vllm")}]})
        elif self.path == "/is_sleeping":
            self._json(200, {"is_sleeping": ASLEEP.is_set()})
        else:
            self._json(404, {"detail": "Not Found"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        if KEY and self.headers.get("Authorization") != f"Bearer {KEY}":
            self._json(401, {"error": {"message": "Unauthorized"}})
        elif self.path.startswith("/sleep"):
            ASLEEP.set()
            self._json(200, {"status": "sleeping"})
        elif self.path.startswith("/wake_up"):
            ASLEEP.clear()
            self._json(200, {"status": "awake"})
        elif ASLEEP.is_set():
            self._json(503, {"error": {"message": "asleep"}})
        else:
            self._answer(body)

    def _answer(self, body: dict) -> None:
        if "note" in MODE:
            Path(MODE["note"]).write_text(json.dumps(body), encoding="utf-8")
        if "diary" in MODE:
            diary("asked", **asked(body))
        size = width_and_height(body)
        faulty = meant(size)
        if faulty and self._refused():
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        text = (
            held(body) or MODE.get("text") or f"seen {size[0]} x {size[1]} by {FLAGS.get('served-model-name', 'model')}"
        )
        words = ["again and again. "] * 100_000 if faulty and "loop" in MODE else [word + " " for word in text.split()]
        for number, word in enumerate(words):
            if faulty:
                self._misbehave(number)
            time.sleep(float(MODE.get("pace", 0)))
            self._event({"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]})
        reason, why = "length" if faulty and "length" in MODE else "stop", None
        if faulty and "repetition" in MODE:
            why = "repetition_detected"
        self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason, "stop_reason": why}]})
        self._event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": len(words)}})
        self.wfile.write(b"data: [DONE]\n\n")

    def _refused(self) -> bool:
        if "refuse" in MODE:
            self._json(400, {"error": {"message": MODE["refuse"], "type": "BadRequestError", "code": 400}})
        elif "dead" in MODE:
            DEAD.set()
            print("ERROR EngineDeadError: EngineCore encountered an issue.", file=sys.stderr, flush=True)
            self._json(500, {"error": {"message": "EngineCore encountered an issue.", "code": 500}})
        else:
            return False
        return True

    def _event(self, chunk: dict) -> None:
        name = FLAGS.get("served-model-name", "model")
        self.wfile.write(b"data: " + json.dumps({"model": name, **chunk}).encode() + b"\n\n")
        self.wfile.flush()

    def _misbehave(self, number: int) -> None:
        if MODE.get("die") == str(number):
            end(1, "RuntimeError: the engine gave up")
        if MODE.get("quit") == str(number):
            end(0, "")
        if "oom" in MODE and number == 1:
            end(1, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB")
        if "assert" in MODE and number == 1:
            end(1, "RuntimeError: CUDA error: device-side assert triggered")
        if MODE.get("hang") == str(number):
            time.sleep(3600)
        while MODE.get("ping") == str(number):
            self.wfile.write(b": ping\n\n")
            self.wfile.flush()
            time.sleep(0.05)
        if MODE.get("half") == str(number):
            self.wfile.write(b'data: {"choices": [{"ind')
            self.wfile.flush()
            self.connection.shutdown(2)
            raise BrokenPipeError


def end(status: int, words: str) -> None:
    print(words, file=sys.stderr, flush=True)
    os._exit(status)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that left is no news."""


def main() -> None:
    if "exit0" in MODE:
        end(0, "nothing to do")
    if "taken" in MODE and meant((0, 0)):
        end(
            1, f"OSError: [Errno 98] error while attempting to bind on address: address already in use, {FLAGS['port']}"
        )
    if "deaf" in MODE:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("starting", file=sys.stderr, flush=True)
    diary("start")
    time.sleep(float(MODE.get("slow", 0)))
    Server((FLAGS.get("host", "127.0.0.1"), int(FLAGS["port"])), Handler).serve_forever()


if __name__ == "__main__":
    main()
