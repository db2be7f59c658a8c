"""The report as one HTML file: nothing is loaded from anywhere, everything that was read is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import Any

from chatvlmllm.bench.needs import need
from chatvlmllm.bench.report import words as said
from chatvlmllm.bench.report.worst import pages
from chatvlmllm.bench.store import Study
from chatvlmllm.bench.summary import Line, Summary

#: Whoever gets more than half of the characters wrong does not read.
_LEGIBLE = 0.5
_TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500]
#: Colours that people with colour blindness tell apart (Okabe and Ito).
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000")


def html(study: Study, summary: Summary, words: said.Words) -> str:
    """The whole page."""
    need("plotly", "jinja2")
    import jinja2

    template = resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(template).render(
        language=words.language,
        say=words.say,
        number=words.number,
        advice=said.advice(summary, words),
        tables=[
            ("overall_title", said.overall(summary, words)),
            ("costs_title", said.costs(summary, words)),
            ("kind_title", said.by_kind(summary, words)),
            ("pairs_title", said.pairs(summary, words)),
        ],
        charts=_charts(summary, words),
        worst=list(pages(study, summary)),
        facts=said.facts(summary, words),
    )


def _charts(summary: Summary, words: said.Words) -> list[tuple[str, Any]]:
    """(title, safe markup) of every picture; the first carries the library for all."""
    import plotly.io

    figures = [("speed_title", _speed(summary, words))]
    if len(summary.by_kind) > 1:
        figures.append(("kinds_title", _kinds(summary, words)))
    return [
        (
            words.say(title),
            plotly.io.to_html(
                figure,
                include_plotlyjs=place == 0,
                full_html=False,
                config={"displayModeBar": False, "responsive": True},
                div_id=f"chart-{place}",
            ),
        )
        for place, (title, figure) in enumerate(figures)
    ]


def _speed(summary: Summary, words: said.Words) -> Any:
    """Seconds a page against CER, with the interval of the CER; who is far worse than the rest stands at the edge."""
    from plotly import graph_objects

    figure = graph_objects.Figure()
    shown = [line for line in summary.overall if line.interval is not None and "total" in line.seconds]
    top = _top([line.interval.high for line in shown if line.interval is not None])
    for place, line in enumerate(summary.overall):
        if line not in shown or line.interval is None:
            continue
        bounds, seconds = line.interval, line.seconds["total"]
        beyond = bounds.value > top
        figure.add_scatter(
            x=[seconds],
            y=[min(bounds.value, top)],
            error_y=None
            if beyond
            else {"array": [bounds.high - bounds.value], "arrayminus": [bounds.value - bounds.low]},
            mode="markers+text",
            cliponaxis=False,
            text=[f"CER {words.number(bounds.value, 2)}" if beyond else ""],
            textposition="bottom center",
            name=line.subject,
            marker={"size": 13, "color": _colour(place), "symbol": "triangle-up" if beyond else _symbol(line, summary)},
        )
    figure.update_xaxes(title=words.say("axis.seconds"), type="log", tickvals=_TICKS, minor={"showgrid": False})
    figure.update_yaxes(title=words.say("axis.cer"), range=[0, top])
    return _styled(figure, words)


def _kinds(summary: Summary, words: said.Words) -> Any:
    """CER of every subject by kind of document; bars that run off the edge have their figures in the table."""
    from plotly import graph_objects

    figure = graph_objects.Figure()
    values = []
    for place, line in enumerate(summary.overall):
        found = {kind: one for kind, lines in summary.by_kind.items() for one in lines if one.subject == line.subject}
        kinds = [kind for kind, one in found.items() if one.interval is not None]
        bars = [found[kind].scores["cer"].value or 0.0 for kind in kinds]
        values += bars
        figure.add_bar(name=line.subject, x=[words.kind(kind) for kind in kinds], y=bars, marker_color=_colour(place))
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_yaxes(title=words.say("axis.cer"), range=[0, _top(values)])
    return _styled(figure, words)


def _top(values: Sequence[float]) -> float:
    """Where the axis of a CER ends: with room above those that read at all, so that noise does not flatten them."""
    legible = [value for value in values if value <= _LEGIBLE]
    return 1.1 * (max(legible or values, default=1.0) or 1.0)


def _styled(figure: Any, words: said.Words) -> Any:
    figure.update_layout(
        template="plotly_white",
        separators=", " if words.language == "ru" else ".,",
        showlegend=True,
        legend={"orientation": "h", "y": 1.12},
        margin={"l": 70, "r": 110, "t": 40, "b": 60},
        font={"family": "system-ui, sans-serif", "size": 14},
        height=440,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    return figure


def _colour(place: int) -> str:
    return _COLOURS[place % len(_COLOURS)]


def _symbol(line: Line, summary: Summary) -> str:
    """Our models are discs, outside programs are squares."""
    return "circle" if summary.subjects[line.subject].ours else "square"
