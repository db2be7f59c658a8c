"""What was read: pages with their picture and their text, tables, fields, raw answers, and files to download."""

import json
from dataclasses import asdict
from typing import Any

import streamlit as st

from chatvlmllm.corrections import mended
from chatvlmllm.errors import ChatVLMLLMError
from chatvlmllm.export import grid
from chatvlmllm.reading import Block, Failure, Format, Kind, Reading, Stage
from chatvlmllm.run import to_json
from chatvlmllm.ui import corrections, downloads, fields, formulas, parts, safe, widgets
from chatvlmllm.ui.words import say

#: Pictures of pages are shown at most so wide; boxes keep page pixels.
_WIDTH = 1400
#: Pages around the current one that come as thumbnails.
_AROUND = 6
_THUMB = 120
#: A page goes into a chat at most so wide.
_CHAT_WIDTH = 2400

_TABS = ("text", "rendered", "tables", "fields", "json", "raw")


def show(job: dict[str, Any]) -> None:
    """The files of a job, one page at a time."""
    files = [file for file in job["files"] if file["error"] is None]
    for file in job["files"]:
        if file["error"] is not None:
            st.error("  \n".join(map(safe.label, widgets.failed(file["error"]))))
    if not files:
        return
    file = files[0]
    if len(files) > 1:
        file = st.selectbox(say("recognize.file"), files, format_func=lambda one: one["name"], key=f"file-{job['id']}")
    _pages(job, file)
    downloads.bar(job, file)


def _pages(job: dict[str, Any], file: dict[str, Any]) -> None:
    key = f"page-{job['id']}-{file['position']}"
    wanted: list[int] = file["wanted"]
    page = st.session_state.get(key, wanted[0])
    if page not in wanted:
        page = wanted[0]
    if len(wanted) > 1:
        _choose_page(job, file, page, key)
    _page(job, file, page)


def _choose_page(job: dict[str, Any], file: dict[str, Any], page: int, key: str) -> None:
    """A strip of pages around the current one, and the number to jump anywhere."""
    wanted: list[int] = file["wanted"]
    number, strip = st.columns([1, 6], vertical_alignment="center")
    jump = f"{key}-number-{page}"

    def jumped() -> None:
        st.session_state[key] = min(wanted, key=lambda one: abs(one - int(st.session_state[jump])))

    number.number_input(say("recognize.page"), wanted[0], wanted[-1], page, key=jump, on_change=jumped)
    place = wanted.index(page)
    near = wanted[max(0, place - _AROUND) : place + _AROUND + 1]

    def turn(page: int) -> None:
        st.session_state[key] = page

    with strip:
        parts.strip([_leaf(job, file, one) for one in near], page, f"{key}-strip", turn)


def _leaf(job: dict[str, Any], file: dict[str, Any], page: int) -> dict[str, Any]:
    reading = read(job["id"], file["position"], page)
    verdict = say("strip.waiting") if reading is None else widgets.verdict(reading.verdict)
    return {
        "page": page,
        "title": say("strip.page", page=page, verdict=verdict),
        "sign": "…" if reading is None else widgets.SIGNS[widgets.TONES[reading.verdict]],
        "image": parts.data_uri(picture(file["sha256"], page, _THUMB)),
    }


def read(job: str, file: int, page: int) -> Reading | None:
    """A page of a job; kept for this session once it was read, since a finished page never changes."""
    known: dict[tuple[str, int, int], Reading] = st.session_state.setdefault("readings", {})
    place = (job, file, page)
    if place not in known:
        found = widgets.remote().reading(*place)
        if found is None:
            return None
        if len(known) > 64:
            known.pop(next(iter(known)))
        known[place] = found
    return known[place]


@st.cache_data(max_entries=256, show_spinner=False)
def _drawn(digest: str, page: int, width: int) -> bytes:
    return widgets.remote().client.page_image(digest, page, width, "jpeg")


def picture(digest: str, page: int, width: int = _WIDTH) -> bytes | None:
    """A page as JPEG; None where the server no longer has the file."""
    try:
        return _drawn(digest, page, width)
    except ChatVLMLLMError:
        return None


def _page(job: dict[str, Any], file: dict[str, Any], page: int) -> None:
    found = read(job["id"], file["position"], page)
    if found is None:
        st.info(say("strip.waiting"))
        return
    kept = corrections.load(job["id"], file["position"])
    reading = mended(found, kept)
    key = f"{job['id']}-{file['position']}-{page}"
    _summary(found, kept.on(page))
    _ask(file, page, key)
    left, right = st.columns([1, 1], gap="medium")
    with left:
        image = picture(file["sha256"], page)
        if image is None:
            st.info(say("picture.absent"))
        else:
            parts.picture(reading, image, "image/jpeg", key)
    with right:
        _tabs(job, file, reading, found, key)


def _ask(file: dict[str, Any], page: int, key: str) -> None:
    """A button that takes the page into a new chat."""
    if not st.button(say("recognize.ask"), icon=":material/forum:", key=f"ask-{key}"):
        return
    remote, name = widgets.remote(), f"{file['name']} · {page}"
    chat = remote.post("/v1/chats", {"title": name[:200]})["id"]
    image = remote.client.page_image(file["sha256"], page, _CHAT_WIDTH, "jpeg")
    remote.send(f"/v1/chats/{chat}/pictures", [(name, image, "image/jpeg")], {})
    st.session_state["chat"] = chat
    st.switch_page(st.session_state["pages"]["chat"])


def _summary(reading: Reading, corrected: int) -> None:
    """Verdict, confidence, time and device in one line; the way there folded below."""
    tone = widgets.TONES[reading.verdict]
    badges = widgets.badge(f"{widgets.SIGNS[tone]} {widgets.verdict(reading.verdict)}", tone)
    badges += widgets.badge(*widgets.confidence(reading))
    if reading.evidence.doubts:
        badges += widgets.badge(say("result.doubts", count=len(reading.evidence.doubts)), "fair")
    if corrected:
        badges += widgets.badge(say("result.corrected", count=corrected), "busy")
    st.html(f'<div class="summary">{badges}</div><p class="line">{safe.escape(_line(reading))}</p>')
    with st.expander(say("result.attempts")):
        _story(reading)


def _line(reading: Reading) -> str:
    device = reading.attempts[-1].device if reading.attempts else None
    device = None if device == "unknown" else device
    seconds = f"{sum(one.seconds for one in reading.attempts):.1f}"
    took = say("result.took", seconds=seconds, device=device or say("result.unknown_device"))
    if reading.answered is None:
        return took
    if reading.asked not in ("auto", reading.answered):
        return f"{say('result.stood_in', asked=reading.asked, answered=reading.answered)} · {took}"
    return f"{say('result.answered', model=reading.answered)} · {took}"


def _story(reading: Reading) -> None:
    """Every attempt with its reason, then caveats and what the verdict rests on."""
    for one in reading.attempts:
        line = say(
            "result.attempt",
            model=one.model,
            engine=one.engine,
            device=one.device or "—",
            seconds=f"{one.seconds:.2f}",
            outcome=one.outcome,
            reason=widgets.worded(one.reason),
        )
        st.html(safe.paragraph(widgets.staged(one.stage) + line + (f"\n{_failed(one.failure)}" if one.failure else "")))
    for notice in (*reading.notices, *reading.evidence.reasons):
        st.html(safe.paragraph("• " + widgets.noticed(notice)))
    if reading.failure is not None:
        st.error(safe.label(_failed(reading.failure)))


def _failed(failure: Failure) -> str:
    return " ".join(widgets.failed(asdict(failure)))


def _tabs(job: dict[str, Any], file: dict[str, Any], reading: Reading, found: Reading, key: str) -> None:
    names = [say(f"tabs.{name}") for name in _TABS]
    shown = st.tabs(names, key=f"tabs-{job['id']}-{file['position']}", on_change="rerun")
    for name, tab in zip(_TABS, shown, strict=True):
        if not tab.open:
            continue
        with tab:
            if name == "text":
                parts.text(reading, key)
                corrections.edit(job["id"], file["position"], reading, found, key)
            elif name == "fields":
                fields.show(job, file, key)
            elif name == "tables":
                corrections.tables(job["id"], file["position"], reading, key)
            else:
                {"rendered": rendered, "json": _json, "raw": _raw}[name](reading)


def rendered(reading: Reading) -> None:
    """The page as it would look, without anything that could act: tables and formulas as such."""
    html: list[str] = []
    for block in reading.blocks:
        latex = block.kind is Kind.FORMULA or block.format is Format.LATEX
        if latex and (drawn := formulas.drawable(block.text.strip().strip("$"))) is not None:
            _flush(html)
            st.latex(drawn)
        elif block.format is Format.MARKDOWN and block.table is None and "$" in block.text:
            _flush(html)
            widgets.markdown(block.text)
        else:
            html.append(block_html(block))
    _flush(html)
    if not reading.blocks:
        st.caption(say("reading.empty"))


def _flush(html: list[str]) -> None:
    if html:
        st.html(f'<div class="paper">{"".join(html)}</div>')
        html.clear()


def block_html(block: Block) -> str:
    """One block as inert HTML."""
    if block.table is not None:
        return grid.to_html(block.table)
    if block.kind in (Kind.TITLE, Kind.HEADING):
        level = block.level or (1 if block.kind is Kind.TITLE else 2)
        return f"<h{level}>{safe.escape(block.text.lstrip('# '))}</h{level}>"
    return safe.to_html(block.text) if block.format is Format.MARKDOWN else safe.paragraph(block.text)


def _json(reading: Reading) -> None:
    """The page's JSON without the boxes of single words, which would hide the rest."""
    whole = json.loads(to_json(reading))
    for block in whole["blocks"]:
        for line in block["lines"]:
            line["words"] = [word["text"] for word in line["words"]]
    st.caption(say("result.too_much"))
    st.code(json.dumps(whole, ensure_ascii=False, indent=2), language="json", height=560)


def _raw(reading: Reading) -> None:
    """What the models wrote, to the letter: the draft where there is one, the answer, and its continuations."""
    told = [(widgets.staged(Stage.DRAFT), reading.draft), ("", reading.reply)]
    told += [(say("result.further", number=number) + ": ", one) for number, one in enumerate(reading.further, 1)]
    if reading.reply is None:
        st.caption(say("result.no_raw"))
    for which, reply in told:
        if reply is not None:
            st.caption(f"{which}{reply.model} · {reply.engine} · {reply.device} · {reply.stop}")
            st.code(reply.text, language=None, wrap_lines=True, height=560)
