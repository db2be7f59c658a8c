"""What Prometheus may know: counts and seconds, never a document. One registry per server."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from chatvlmllm.engines.state import State, Status
from chatvlmllm.exchange import Reply
from chatvlmllm.reading import Reading

_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)

#: A gauge's name, its meaning, its labels, and what gives its values by label values.
Looked = tuple[str, str, tuple[str, ...], Callable[[], Iterable[tuple[tuple[str, ...], float]]]]


class Metrics:
    """Counters that are told, and gauges that are looked up when somebody asks (`look`)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.under_way = Gauge("chatvlmllm_requests_under_way", "HTTP requests now", registry=self.registry)
        self._requests = Counter("chatvlmllm_requests", "HTTP requests by status", ["status"], registry=self.registry)
        self._latency = Histogram(
            "chatvlmllm_request_seconds", "Seconds per HTTP request", buckets=_SECONDS, registry=self.registry
        )
        self._pages = Counter(
            "chatvlmllm_pages", "Pages read, by verdict and model", ["verdict", "model"], registry=self.registry
        )
        self._stages = Counter(
            "chatvlmllm_stage_seconds", "Seconds by stage of reading", ["stage"], registry=self.registry
        )
        self._tokens = Counter(
            "chatvlmllm_tokens", "Tokens by kind and model", ["kind", "model"], registry=self.registry
        )
        self._stops = Counter(
            "chatvlmllm_replies", "Replies by why they ended", ["stop", "model"], registry=self.registry
        )
        self._crashes = Counter(
            "chatvlmllm_engine_failures", "Engines that did not start or ended", ["model"], registry=self.registry
        )

    def answered(self, status: int, seconds: float) -> None:
        """A request is over; status 0 means that the client left before an answer."""
        self._requests.labels(str(status)).inc()
        self._latency.observe(seconds)

    def reply(self, reply: Reply) -> None:
        """A model has answered."""
        self._stops.labels(reply.stop, reply.model).inc()
        for kind, tokens in (("prompt", reply.usage.prompt_tokens), ("completion", reply.usage.completion_tokens)):
            if tokens is not None:
                self._tokens.labels(kind, reply.model).inc(tokens)
        for stage, seconds in reply.seconds.items():
            self._stages.labels(stage).inc(seconds)

    def stood(self, status: Status) -> None:
        """An engine has changed its state."""
        if status.state is State.FAILED:
            self._crashes.labels(status.model).inc()

    def page(self, reading: Reading) -> None:
        """A page was read, whatever came of it."""
        self._pages.labels(reading.verdict, reading.answered or "none").inc()
        for reply in (reading.draft, reading.reply, *reading.further):
            if reply is not None:
                self.reply(reply)
        for stage, seconds in reading.seconds.items():
            self._stages.labels(stage).inc(seconds)

    def look(self, gauges: Iterable[Looked]) -> None:
        """Look these up at every scrape."""
        self.registry.register(_Looked(tuple(gauges)))

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self.registry)


class _Looked(Collector):
    def __init__(self, gauges: tuple[Looked, ...]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        for name, meaning, labels, values in self._gauges:
            family = GaugeMetricFamily(name, meaning, labels=labels)
            for own, value in values():
                family.add_metric(own, value)
            yield family
