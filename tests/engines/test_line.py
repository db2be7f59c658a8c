"""Connections to a server that talks in events, against sockets of every manner."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatvlmllm.engines.line import Lines, Response, Wire
from chatvlmllm.engines.openai import Endpoint, OpenAI
from chatvlmllm.exchange import Delta, Reply
from tests.engines.rig import request, server

BODY = b'data: {"a": 1}\n\ndata: [DONE]\n\n'
CHUNKED = (
    b"Transfer-Encoding: chunked\r\n\r\n5;x=y\r\n"
    + BODY[:5]
    + b"\r\n%x\r\n%s\r\n0\r\n\r\n"
    % (
        len(BODY) - 5,
        BODY[5:],
    )
)
#: By name: the answer, and whether its connection can be used again.
ANSWERS = {
    "chunked": (b"HTTP/1.1 200 OK\r\n" + CHUNKED, True),
    "announced": (b"HTTP/1.1 100 Continue\r\n\r\n" + b"HTTP/1.1 200 OK\r\n" + CHUNKED, True),
    "counted": (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY), True),
    "refused": (b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + CHUNKED, False),
    "until the end": (b"HTTP/1.1 200 OK\r\n\r\n" + BODY, False),
}


@pytest.mark.parametrize("manner", ANSWERS)
@given(cut=st.integers(1, 120))
def test_an_answer_is_the_same_however_it_is_cut(manner: str, cut: int) -> None:
    """Head, body and end are found wherever the network breaks the bytes, in each way to frame a body."""
    content, lasting = ANSWERS[manner]
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs), ThreadPoolExecutor(1) as pool:
        theirs.sendall(content[:cut])
        heard = pool.submit(lambda: _heard(ours))
        theirs.sendall(content[cut:])
        theirs.shutdown(socket.SHUT_WR)
        assert heard.result() == (200, BODY, lasting)


def _heard(held: socket.socket) -> tuple[int, bytes, bool]:
    response = Response(held)
    body = b"".join(response.bursts())
    return response.status, body, response.lasting


@pytest.mark.parametrize("content", [b"", b"HTTP/1.1 200", b"SSH-2.0-OpenSSH_9.2\r\n"])
def test_what_is_no_answer_is_an_error(content: bytes) -> None:
    """A connection that is closed, or speaks something else, never looks like an answer."""
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        theirs.sendall(content)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(ConnectionError):
            Response(ours)


def test_a_connection_serves_many_requests_and_is_replaced_when_it_was_closed() -> None:
    """Answers that come to their end share a connection; one that the server closed meanwhile costs no request."""
    content, _ = ANSWERS["counted"]
    accepted: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for requests in (2, 1):
                connection, _ = listener.accept()
                accepted.append(requests)
                with closing(connection):
                    for _ in range(requests):
                        while not connection.recv(1 << 16).endswith(b"{}"):
                            pass
                        connection.sendall(content)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        lines = Lines(url, {}, connect=5, silence=5, spare=1)
        for _ in range(3):
            with lines.post("chat/completions", b"{}", Wire()) as response:
                assert b"".join(response.bursts()) == BODY
        thread.join()
        lines.close()
    assert accepted == [2, 1]


def test_streams_that_go_on_together_are_heard_in_bursts() -> None:
    """Every word arrives, in order, in fewer pieces than there are words; the first one is alone."""
    words = [f"word{number}" for number in range(60)]

    def heard(client: OpenAI) -> tuple[list[str], Reply]:
        *deltas, reply = client.stream(request())
        assert isinstance(reply, Reply)
        return [delta.text for delta in deltas if isinstance(delta, Delta)], reply

    with server("pace=0.002", f"text={' '.join(words)}") as url, ThreadPoolExecutor(8) as pool:
        client = OpenAI(Endpoint(url=url, served="model"))
        answers = list(pool.map(heard, [client] * 8))
        client.close()
    for pieces, reply in answers:
        assert reply.text.split() == "".join(pieces).split() == words
    assert sum(len(pieces) for pieces, _ in answers) < 8 * len(words) / 2
