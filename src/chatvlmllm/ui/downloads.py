"""Files to take away: every export format, and everything at once."""

from typing import Any

import streamlit as st

from chatvlmllm.export import FORMATS
from chatvlmllm.ui import widgets
from chatvlmllm.ui.words import catalogue, language, say


def title(format: str) -> str:
    """A format's name for people."""
    return catalogue(language()).get(f"formats.{format}", format.upper())


def bar(job: dict[str, Any], file: dict[str, Any]) -> None:
    """One button for a format to choose, one for everything; the file is made when the button is pressed."""
    if job["state"] in ("queued", "running"):
        return
    st.subheader(say("result.downloads"))
    left, middle, right = st.columns([2, 2, 2], vertical_alignment="bottom")
    format = left.selectbox(say("result.format"), list(FORMATS), format_func=title, key=f"format-{job['id']}")
    place = f"/v1/jobs/{job['id']}/files/{file['position']}"
    middle.download_button(
        say("result.download", format=format.upper()),
        lambda: widgets.remote().content(f"{place}/corrected", format=format),
        file_name=file["name"] + FORMATS[format].suffix,
        mime=FORMATS[format].media_type,
        key=f"download-{job['id']}-{file['position']}-{format}",
        on_click="ignore",
        type="primary",
        width="stretch",
    )
    right.download_button(
        say("result.everything"),
        lambda: widgets.remote().content(f"/v1/jobs/{job['id']}/everything"),
        file_name=f"{file['name']}.zip",
        mime="application/zip",
        key=f"everything-{job['id']}",
        on_click="ignore",
        width="stretch",
    )
