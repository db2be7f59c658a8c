"""The report as one HTML file: nothing is loaded from anywhere, everything that was read is escaped."""

from __future__ import annotations

from importlib import resources
from typing import Any

from chatvlmllm.bench.needs import need
from chatvlmllm.bench.report import words as said
from chatvlmllm.bench.report.worst import pages
from chatvlmllm.bench.store import Study
from chatvlmllm.bench.summary import Line, Summary

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
    """Seconds a page against CER, with the interval of the CER."""
    from plotly import graph_objects

    figure = graph_objects.Figure()
    for place, line in enumerate(summary.overall):
        if line.interval is None or "total" not in line.seconds:
            continue
        bounds = line.interval
        figure.add_scatter(
            x=[line.seconds["total"]],
            y=[bounds.value],
            error_y={"array": [bounds.high - bounds.value], "arrayminus": [bounds.value - bounds.low]},
            mode="markers+text",
            cliponaxis=False,
            text=[line.subject],
            textposition="middle right",
            name=line.subject,
            marker={"size": 13, "color": _colour(place), "symbol": _symbol(line, summary)},
        )
    figure.update_xaxes(title=words.say("axis.seconds"), type="log", minor={"showgrid": True})
    figure.update_yaxes(title=words.say("axis.cer"), rangemode="tozero")
    return _styled(figure, words, legend=False)


def _kinds(summary: Summary, words: said.Words) -> Any:
    """CER of every subject by kind of document."""
    from plotly import graph_objects

    figure = graph_objects.Figure()
    for place, line in enumerate(summary.overall):
        found = {kind: one for kind, lines in summary.by_kind.items() for one in lines if one.subject == line.subject}
        kinds = [kind for kind, one in found.items() if one.interval is not None]
        figure.add_bar(
            name=line.subject,
            x=[words.kind(kind) for kind in kinds],
            y=[found[kind].scores["cer"].value for kind in kinds],
            marker_color=_colour(place),
        )
    figure.update_layout(barmode="group", bargap=0.25)
    figure.update_yaxes(title=words.say("axis.cer"), rangemode="tozero")
    return _styled(figure, words, legend=True)


def _styled(figure: Any, words: said.Words, *, legend: bool) -> Any:
    figure.update_layout(
        template="plotly_white",
        separators=", " if words.language == "ru" else ".,",
        showlegend=legend,
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
