"""A worker that misbehaves as it is told: `python faulty.py FAULT`. Speaks real frames until then.

crash: dies at the first request. hang: never answers. deaf: neither reads nor writes. pollute: prints to standard
output between frames. half: sends half a frame and stops. cut: sends half a frame and dies. junk: sends bytes that
are no frame. loop: talks until it is told to stop. stubborn: talks and never stops. slow: loads for a minute.
refuse: an error instead of ready. good: answers every request with its prompt.
"""

import os
import signal
import sys
import threading
import time
from types import ModuleType

sys.modules["chatvlmllm"] = package = ModuleType("chatvlmllm")
package.__path__ = [os.environ["FAULTY_PACKAGE"]]

from chatvlmllm.engines import frames  # noqa: E402

FAULT = sys.argv[1]
PLACEMENT = {"device": "cpu", "dtype": "float32", "attention": "sdpa", "quantization": None, "reasons": {}}


class Wire:
    def __init__(self):
        self.out = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        self.cancelled = threading.Event()
        self.requests = []
        self.some = threading.Condition()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while (frame := frames.read(sys.stdin.buffer)) is not None:
            if frame[0]["type"] == "cancel":
                self.cancelled.set()
            else:
                with self.some:
                    self.requests.append(frame[0])
                    self.some.notify()
        os._exit(0)

    def next(self):
        with self.some:
            self.some.wait_for(lambda: self.requests)
            return self.requests.pop(0)

    def send(self, kind, **fields):
        frames.write(self.out, {"type": kind, **fields})


def done(wire, number, stop="end"):
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    wire.send("done", number=number, stop=stop, usage=usage, seconds={"generate": 0.0})


def crash(wire, number):
    print("the last words", file=sys.stderr, flush=True)
    os._exit(7)


def hang(wire, number):
    wire.send("delta", number=number, text="so far")
    time.sleep(600)


def pollute(wire, number):
    for _ in range(3):
        print("progress: 50%")
        os.write(1, b"from C\n")
        wire.send("delta", number=number, text="clean ")
    done(wire, number)


def half(wire, number):
    wire.out.write(b"\x00\x00\x01\x00\x00")
    wire.out.flush()
    time.sleep(600)


def cut(wire, number):
    wire.out.write(b"\x00\x00\x01\x00\x00\x00\x00\x00{")
    wire.out.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def junk(wire, number):
    wire.out.write(b"Traceback (most recent call last):\n" * 10)
    wire.out.flush()
    time.sleep(600)


def loop(wire, number):
    while not wire.cancelled.is_set():
        wire.send("delta", number=number, text="again ")
        time.sleep(0.01)
    wire.cancelled.clear()
    done(wire, number, "cancelled")


def stubborn(wire, number):
    while True:
        wire.send("delta", number=number, text="again ")
        time.sleep(0.01)


def main():
    if FAULT == "deaf":
        time.sleep(600)
    wire = Wire()
    wire.next()
    if FAULT == "slow":
        time.sleep(60)
    if FAULT == "refuse":
        wire.send("error", code="not_enough_memory", details={"model": "m", "reason": "full"})
        return
    wire.send("ready", placement=PLACEMENT, versions={})
    while True:
        header = wire.next()
        if FAULT == "good" or (FAULT != "pollute" and header["prompt"] == "behave"):
            wire.send("delta", number=header["number"], text=header["prompt"])
            done(wire, header["number"])
        else:
            globals()[FAULT](wire, header["number"])


main()
