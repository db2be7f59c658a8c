"""Putting a reading right: the text of a block, the cells of a table. The server keeps it; exports contain it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

import streamlit as st

from chatvlmllm.corrections import Corrections
from chatvlmllm.reading import Reading, Table
from chatvlmllm.ui import parts, widgets
from chatvlmllm.ui.words import say


def _path(job: str, file: int) -> str:
    return f"/v1/jobs/{job}/files/{file}/corrections"


def load(job: str, file: int) -> Corrections:
    """What was put right in a file, as the server has it."""
    return Corrections(**widgets.remote().get(_path(job, file)))


def keep(job: str, file: int, wanted: Corrections) -> None:
    """Let the server have it, and tell."""
    with widgets.told():
        widgets.remote().put(_path(job, file), asdict(wanted))
        st.session_state["toast"] = say("result.kept")
        st.rerun()


def edit(job: str, file: int, reading: Reading, found: Reading, key: str) -> None:
    """The chosen block's text, to be changed; `found` is the page as it was read."""
    index = parts.chosen(key)
    if index is None or index >= len(reading.blocks) or reading.blocks[index].table is not None:
        st.caption(say("result.edit_hint"))
        return
    block, was = reading.blocks[index], found.blocks[index]
    with st.form(f"edit-{key}-{index}", border=True):
        text = st.text_area(say("result.edit"), block.text, key=f"edit-text-{key}-{index}", height=120)
        if block.text != was.text:
            st.text(say("result.original", text=was.text))
        save, undo = st.columns(2)
        saved = save.form_submit_button(say("result.keep"), type="primary", width="stretch")
        undone = block.text != was.text and undo.form_submit_button(say("result.undo"), width="stretch")
    if undone or (saved and text != block.text):
        known = load(job, file)
        texts = {place: one for place, one in known.blocks.items() if place != f"{reading.page}:{index}"}
        if not undone and text != was.text:
            texts[f"{reading.page}:{index}"] = text
        keep(job, file, replace(known, blocks=texts))


def tables(job: str, file: int, reading: Reading, key: str) -> None:
    """Every table of the page as a grid whose cells can be changed."""
    found = [(index, block.table) for index, block in enumerate(reading.blocks) if block.table is not None]
    if not found:
        st.caption(say("result.no_tables"))
    for number, (index, table) in enumerate(found, start=1):
        st.markdown(f"**{say('result.table', number=number)}**")
        rows = [{str(column + 1): text for column, text in enumerate(row)} for row in table.grid()]
        place = f"{reading.page}:{index}"
        columns = {name: st.column_config.TextColumn(name) for name in rows[0]} if rows else {}
        edited = st.data_editor(
            rows, key=f"table-{key}-{index}-{len(load(job, file).cells)}", hide_index=True, column_config=columns
        )
        if st.button(say("result.keep"), key=f"keep-{key}-{index}"):
            changed = _changed(table, edited, place)
            if not changed:
                st.toast(say("result.nothing_changed"))
                continue
            known = load(job, file)
            keep(job, file, replace(known, cells={**known.cells, **changed}))


def _changed(table: Table, edited: Sequence[Mapping[str, str | None]], place: str) -> dict[str, str]:
    """The cells whose text is another one now, by their place."""
    return {
        f"{place}:{cell.row}:{cell.column}": text
        for cell in table.cells
        if (text := edited[cell.row][str(cell.column + 1)] or "") != cell.text
    }
