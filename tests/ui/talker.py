"""A program that speaks OpenAI's protocol and tells what it was sent: `talker.py PORT`. Standard library only.

Its answer names how many questions and pictures the conversation has and repeats the last question, so that a test
can see what travelled. A question with "долго" is answered in many slow words; one that asks for `qwenvl html` is
answered with the layout of the page, as that model writes it; one with "опасно" with text that would act if it could,
one with "формул" with formulas, some of which would.
After a POST to /hold every answer stops in its middle until one to /go; after one to /refuse there is none until then.
"""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOSTILE = (
    '<script>window.hacked=1</script><img src=x onerror="window.hacked=1"> ![пиксель](http://198.51.100.7/p.png) '
    "[ссылка](javascript:window.hacked=1) =HYPERLINK(1) :red[цвет] $x$"
)
FORMULAS = (
    "Площадь $S = \\pi r^2$, цена 5$ и 10$, **сумма $\\sum x_i$** ![пиксель](http://198.51.100.7/p.png) <b>нет</b> "
    "http://198.51.100.7/x :red[цвет] $\\href{javascript:window.hacked=1}{x}$\n\n"
    "$$\n\\frac{1}{2}\n$$\n\n| величина | формула |\n|---|---|\n| скорость | $v = \\frac{s}{t}$ |\n"
)
LAYOUT = (
    '<html><body><h2 data-bbox="100 100 900 200">Заголовок</h2>'
    '<p data-bbox="100 300 900 400">Строка под ним</p>'
    '<table data-bbox="100 500 900 900"><tr><td>Цена</td><td>120</td></tr></table></body></html>'
)


#: Whether answers may go on beyond their middle.
GO = threading.Event()
GO.set()
REFUSES = threading.Event()


def parts(message: dict) -> tuple[str, int]:
    """A message's text and how many pictures it has."""
    if isinstance(message["content"], str):
        return message["content"], 0
    texts = [part["text"] for part in message["content"] if part["type"] == "text"]
    return " ".join(texts), sum(part["type"] == "image_url" for part in message["content"])


def answer(messages: list[dict]) -> str:
    last = parts(messages[-1])[0]
    if "qwenvl html" in last:
        return LAYOUT
    if "формул" in last:
        return FORMULAS
    if "опасно" in last:
        return HOSTILE
    if "долго" in last:
        # The counter keeps it from being a loop, which would end it.
        return " ".join(f"слово слово {number}" for number in range(300))
    questions = sum(message["role"] == "user" for message in messages)
    answers = sum(message["role"] == "assistant" for message in messages)
    pictures = sum(parts(message)[1] for message in messages)
    return f"**Вопросов {questions}**, ответов {answers}, картинок {pictures}: {last}"


def go() -> None:
    GO.set()
    REFUSES.clear()


_ORDERS = {"/hold": GO.clear, "/refuse": REFUSES.set, "/go": go}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _json(self, value: object) -> None:
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        self._json({"data": [{"id": "model", "owned_by": "vllm"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or b"{}")
        if self.path in _ORDERS:
            _ORDERS[self.path]()
            self._json({})
            return
        if REFUSES.is_set():
            self.send_error(500)
            return
        text = answer(body["messages"])
        usage = {"prompt_tokens": 1, "completion_tokens": len(text.split()), "total_tokens": 1 + len(text.split())}
        if not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            self._json({"id": "1", "model": "model", "choices": [choice], "usage": usage})
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        words = text.split(" ")
        for number, word in enumerate(words):
            if 2 * number >= len(words):
                GO.wait(60)
            self._event({"choices": [{"index": 0, "delta": {"content": word + " "}, "finish_reason": None}]})
            time.sleep(0.05)
        self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self._event({"choices": [], "usage": usage})
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, event: dict) -> None:
        self.wfile.write(b"data: " + json.dumps({"id": "1", "model": "model", **event}).encode() + b"\n\n")
        self.wfile.flush()


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    server.daemon_threads = True
    server.serve_forever()
