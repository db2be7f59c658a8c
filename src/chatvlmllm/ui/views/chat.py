"""«Чат с документом»: questions about pictures of pages, answered by a model that sees them all."""

import threading
from typing import Any

import streamlit as st

from chatvlmllm.errors import ChatVLMLLMError
from chatvlmllm.exchange import Task
from chatvlmllm.models import catalogue
from chatvlmllm.ui import parts, safe, talking, widgets
from chatvlmllm.ui.remote import Remote
from chatvlmllm.ui.words import say

_TITLE = 60
#: Elements of an earlier answer that would stay on the screen while the new one comes.
_STALE = 3
#: Seconds that an interrupted answer is given to be kept.
_PATIENCE = 3.0


def page() -> None:
    """The chats on the left, the open one on the right."""
    st.title(say("pages.chat"))
    st.caption(say("chat.lead"))
    able = _able(widgets.models())
    if not able:
        st.warning(say("chat.needs") + "  \n" + say("chat.how", model=_example()))
    ended = st.session_state.pop("answering", None)
    if ended is not None:
        # The run that was interrupted keeps its answer in a thread of its own; this one would not see it yet.
        ended.wait(_PATIENCE)
    with widgets.told():
        left, right = st.columns([1, 3], gap="medium")
        with left:
            chat = _choose()
        with right:
            if chat is not None:
                _conversation(chat, able)
            elif able:
                st.info(say("chat.empty"))


def _able(models: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The models that can answer or read here as a network, with their tasks."""
    return {one["id"]: one["tasks"] for one in models if one["installed"] and one["engine"] not in ("embedded", "")}


def _example() -> str:
    """The smallest model that can talk."""
    talkers = [one for one in catalogue().values() if Task.CHAT in one.recipes and one.weights is not None]
    return min(talkers, key=lambda one: one.weights.vram if one.weights else 0).key


def _choose() -> dict[str, Any] | None:
    """The open chat; a list of all, a button for a new one, and the pages of this one."""
    remote = widgets.remote()
    if st.button(say("chat.new"), icon=":material/add:", width="stretch"):
        _open(remote.post("/v1/chats", {"title": ""})["id"])
    known = remote.get("/v1/chats")["data"]
    titles = {one["id"]: one["title"] or say("chat.untitled") for one in known}
    current = st.query_params.get("chat") or st.session_state.get("chat")
    if not known:
        return None
    if current not in titles:
        current = known[0]["id"]
    chosen = st.selectbox(
        say("chat.open"), list(titles), index=list(titles).index(current), format_func=lambda one: titles[one]
    )
    st.session_state["chat"] = st.query_params["chat"] = chosen
    chat: dict[str, Any] = remote.get(f"/v1/chats/{chosen}")
    _pictures(chat)
    with st.popover(say("chat.delete"), icon=":material/delete:"):
        if st.button(say("history.sure"), key=f"delete-{chosen}", type="primary"):
            remote.delete(f"/v1/chats/{chosen}")
            _open(None)
    return chat


def _open(number: str | None) -> None:
    if number is None:
        st.session_state.pop("chat", None)
        st.query_params.pop("chat", None)
    else:
        st.session_state["chat"] = st.query_params["chat"] = number
    st.rerun()


def _pictures(chat: dict[str, Any]) -> None:
    """The pages of the conversation, and a place to add more."""
    count = len(chat["pictures"])
    st.caption(say("chat.attached", count=count) if count else say("chat.no_pages"))
    if count:
        leaves = [
            {"page": int(number), "title": name, "sign": "", "image": parts.data_uri(_picture(chat["id"], int(number)))}
            for number, name in chat["pictures"].items()
        ]
        parts.strip(leaves, 0, f"pictures-{chat['id']}-{count}", lambda _: None)
    files = st.file_uploader(
        say("chat.attach"),
        type=["pdf", "png", "jpg", "jpeg", "tif", "tiff", "webp", "bmp"],
        accept_multiple_files=True,
        key=f"attach-{chat['id']}-{count}",
    )
    if files:
        uploads = [(one.name, one, one.type) for one in files]
        widgets.remote().send(f"/v1/chats/{chat['id']}/pictures", uploads, {})
        st.rerun()


@st.cache_data(max_entries=64, show_spinner=False)
def _picture(chat: str, number: int) -> bytes:
    return widgets.remote().content(f"/v1/chats/{chat}/pictures/{number}")


def _conversation(chat: dict[str, Any], able: dict[str, list[str]]) -> None:
    messages: list[talking.Message] = chat["messages"]
    for index, message in enumerate(messages):
        _message(chat, index, message)
    asking = st.session_state.pop("asking", None)
    if asking and asking["chat"] == chat["id"] and messages and messages[-1]["role"] == "user":
        _answer(chat, asking)
        return
    if able:
        _ask(chat, able)


def _message(chat: dict[str, Any], index: int, message: talking.Message) -> None:
    """One message with what belongs to it."""
    with st.chat_message(message["role"], avatar=_AVATARS[message["role"]]):
        widgets.markdown(message["text"], "said")
        if message["role"] == "user":
            return
        st.caption(safe.label(_about(message)))
        if message["stop"] == "stopped":
            st.warning(say("chat.stopped"))
        elif message["finish"] == "length":
            st.warning(say("chat.cut"))
        elif message.get("broken"):
            st.error(safe.label(message["broken"]))
        _artefacts(chat, index, message)


_AVATARS = {"user": ":material/person:", "assistant": ":material/smart_toy:"}


def _about(message: talking.Message) -> str:
    tokens = say("chat.tokens", count=message["tokens"]) if message["tokens"] is not None else ""
    seen = ", ".join(map(str, message["seen"]))
    looked = say("chat.looked", pages=seen) if seen else say("chat.blind")
    answered = say("chat.answered", model=message["model"], seconds=message["seconds"], tokens=tokens).rstrip(" ·")
    return f"{answered} · {looked}"


def _artefacts(chat: dict[str, Any], index: int, message: talking.Message) -> None:
    """Pages that this answer found boxes on, each under its own message only."""
    for place, found in enumerate(message["pages"]):
        if not any(block["box"] for block in found["blocks"]) or place >= len(message["seen"]):
            continue
        number = message["seen"][place]
        with st.expander(chat["pictures"].get(str(number), str(number))):
            key = f"{chat['id']}-{index}-{number}"
            parts.picture(talking.reading(found, number), _picture(chat["id"], number), "image/jpeg", key)


def _ask(chat: dict[str, Any], able: dict[str, list[str]]) -> None:
    """Who answers, a ready-made question if wanted, and the user's own."""
    first, second = st.columns(2)
    model = first.selectbox(say("chat.model"), list(able), format_func=_titled, key="chat-model")
    ready = _presets(model, able[model]) if chat["pictures"] else {}
    preset = second.selectbox(
        say("chat.presets"),
        ["", *ready],
        format_func=lambda task: say(f"tasks.{task}") if task else say("chat.no_preset"),
        key=f"preset-{model}",
    )
    if preset and st.button(say("recognize.go"), type="primary"):
        _begin(chat, ready[preset], model, preset)
    questions = chat["messages"]
    if questions and questions[-1]["role"] == "assistant":
        questions = questions[:-1]
    if questions and st.button(say("chat.again"), icon=":material/refresh:"):
        task = questions[-1].get("task", "chat")
        _keep(chat, questions)
        st.session_state["asking"] = {"chat": chat["id"], "model": model, "task": task}
        st.rerun()
    text = st.chat_input(say("chat.ask"), disabled=Task.CHAT not in able[model])
    if text:
        _begin(chat, text, model, "chat")


def _titled(model: str) -> str:
    return catalogue()[model].title if model in catalogue() else model


def _presets(model: str, tasks: list[str]) -> dict[str, str]:
    """The model's own prompts by task, from its card."""
    card = catalogue().get(model)
    if card is None:
        return {}
    return {task: recipe.prompt for task, recipe in card.recipes.items() if task in tasks and recipe.prompt}


def _begin(chat: dict[str, Any], text: str, model: str, task: str) -> None:
    messages: list[talking.Message] = chat["messages"]
    told = {number for one in messages for number in one.get("pictures", [])}
    new = [int(number) for number in chat["pictures"] if int(number) not in told]
    _keep(chat, [*messages, {"role": "user", "text": text, "pictures": new, "task": task}])
    st.session_state["asking"] = {"chat": chat["id"], "model": model, "task": task}
    st.rerun()


def _keep(chat: dict[str, Any], messages: list[talking.Message], remote: Remote | None = None) -> None:
    title = chat["title"] or next((one["text"][:_TITLE] for one in messages if one["role"] == "user"), "")
    (remote or widgets.remote()).put(f"/v1/chats/{chat['id']}", {"title": title, "messages": messages})


def _answer(chat: dict[str, Any], asking: dict[str, str]) -> None:
    """The answer as it comes. Whatever ends this run (the stop button, a closed tab) keeps what has come so far."""
    messages: list[talking.Message] = chat["messages"]
    remote, answer = widgets.remote(), talking.Answer(asking["model"], [])
    kept: dict[str, Any] = {"stopped": True}
    ended = st.session_state["answering"] = threading.Event()
    pictures = {int(number): _picture(chat["id"], int(number)) for number in chat["pictures"]}
    try:
        with st.chat_message("assistant", avatar=_AVATARS["assistant"]):
            shown = st.empty()
            st.button(say("chat.stop"), icon=":material/stop:", key=f"stop-{chat['id']}-{len(messages)}")
            for _ in range(_STALE):
                st.empty()
            with st.spinner(_titled(asking["model"])):
                for answer in talking.stream(remote, messages, pictures.__getitem__, asking):
                    shown.html(f'<div class="paper said">{safe.to_html(answer.text)}</div>')
        kept = {"stopped": False}
    except ChatVLMLLMError as refused:
        kept = {"stopped": False, "broken": " ".join(widgets.sentences(refused))}
    finally:
        # The library may be ending this run: nothing of it can be asked any more.
        try:
            _keep(chat, [*messages, answer.message(**kept)], remote)
        finally:
            ended.set()
    st.rerun()
