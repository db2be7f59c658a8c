"""«О системе»: the machine, the versions, the settings, and where documents go as far as that is known."""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from chatvlmllm import messages
from chatvlmllm.ui import launch, safe, widgets
from chatvlmllm.ui.words import language, say


def page() -> None:
    """Facts only, each from the server or from the settings that it runs with."""
    st.title(say("pages.about"))
    st.caption(say("about.lead"))
    with widgets.told():
        system = widgets.remote().client.system()
        _machine(system)
        _findings()
        _privacy(system)
        _facts(say("about.versions"), (say("about.library"), say("about.number")), system["libraries"])
        _facts(say("about.settings"), (say("about.setting"), say("about.value")), _flat(system["settings"]))


def _machine(system: dict[str, Any]) -> None:
    st.subheader(say("about.machine"))
    lines = [
        say("about.version", version=system["version"], python=system["python"], platform=system["platform"]),
        say("about.server", url=widgets.remote().client.url),
        say("about.store", folder=launch.settings().data, keep=say(f"about.keep_{launch.settings().store.keep}")),
    ]
    for gpu in system["gpus"]:
        used, total = f"{gpu['used'] / 1e9:.1f}", f"{gpu['total'] / 1e9:.1f}"
        lines.append(say("about.gpu", name=gpu["name"], used=used, total=total))
    if not system["gpus"]:
        lines.append(say("about.no_gpu"))
    _lines(lines)


def _findings() -> None:
    """What `chatvlmllm doctor` says, in its own words."""
    st.subheader(say("about.findings"))
    found = widgets.remote().get("/v1/system/findings")
    verdict = messages.render(f"cli.doctor.{'works' if found['readable'] else 'broken'}", language())
    st.html(widgets.badge(verdict, "good" if found["readable"] else "poor"))
    rows = [_finding(one) for one in found["data"]]
    # Where nothing is missing there is nothing to mend.
    names = ("probe", "found", "mend")[: 3 if any(mend for *_, mend in rows) else 2]
    heads = "".join(f"<th>{say(f'about.{name}')}</th>" for name in names)
    cells = ("".join(f"<td>{safe.escape(cell)}</td>" for cell in row[: len(names)]) for row in rows)
    st.html(f'<table class="facts"><tr>{heads}</tr>{"".join(f"<tr>{row}</tr>" for row in cells)}</table>')


def _finding(one: dict[str, Any]) -> tuple[str, str, str]:
    """What was probed, what was found, and the command that mends it where nothing was."""
    absent = messages.render("cli.doctor.missing", language())
    if not one["needed"]:
        absent += f" ({messages.render('cli.doctor.optional', language())})"
    return one["name"], one["found"] or absent, one["mend"] if one["found"] is None else ""


def _privacy(system: dict[str, Any]) -> None:
    st.subheader(say("about.privacy"))
    settings, host = launch.settings(), urlsplit(widgets.remote().client.url).hostname or ""
    lines = [say("about.loopback" if _loopback(host) else "about.open", host=host), say("about.interface")]
    elsewhere = sorted({server.url for server in settings.servers})
    lines.append(say("about.servers", servers=", ".join(elsewhere)) if elsewhere else say("about.no_servers"))
    lines.append(say("about.offline" if system["settings"]["offline"] else "about.online"))
    lines.append(say("about.measured"))
    _lines(lines)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _lines(lines: list[str]) -> None:
    st.html("".join(f'<p class="line">{safe.escape(line)}</p>' for line in lines))


def _facts(title: str, heads: tuple[str, str], facts: dict[str, Any]) -> None:
    st.subheader(title)
    rows = "".join(
        f"<tr><td>{safe.escape(str(name))}</td><td>{safe.escape(str(value))}</td></tr>" for name, value in facts.items()
    )
    head = f"<tr><th>{safe.escape(heads[0])}</th><th>{safe.escape(heads[1])}</th></tr>"
    st.html(f'<table class="facts">{head}{rows}</table>')


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat
