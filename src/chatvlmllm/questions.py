"""Asking a vision-language model for the fields of a paper, page by page, as JSON that its type prescribes.

A server that can constrain its output is given the schema; every model is told it in words. Which value to believe is
not decided here: the answer is one layer of `forms` beside the others.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from chatvlmllm import forms, routing
from chatvlmllm.document import Page
from chatvlmllm.engines.host import Host
from chatvlmllm.errors import ChatVLMLLMError
from chatvlmllm.exchange import Reply, Stop, Task
from chatvlmllm.models.card import Model
from chatvlmllm.prepare import Bounds, prepare
from chatvlmllm.reading import Notice
from chatvlmllm.run import Options

_PROMPT = (
    "This is page {page} of a document of the type «{title}». Copy the values of these fields exactly as they are "
    "printed, in the document's own language and notation. Give null for what this page does not show; never guess. "
    "Answer with one JSON object and nothing else. Its JSON schema:\n{schema}"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said of a paper: field keys with texts as printed, rows of groups over pages; caveats."""

    values: Mapping[str, Any]
    notices: tuple[Notice, ...] = ()


def model(page: Page, options: Options, host: Host) -> Model | None:
    """The model to ask: the one that the user chose if it can be asked, with `auto` the best that is here; or None."""
    wanted = replace(options, task=Task.CHAT)
    chain, _ = routing.candidates(page, wanted, routing.machine(host), routing.table(host.settings.data))
    if options.model != routing.AUTO:
        chain = chain[:1]
    return next((one.model for one in chain if one.model.generative and Task.CHAT in one.model.recipes), None)


def ask(pages: Iterable[Page], form: forms.Form, asked: Model, options: Options, host: Host) -> Answer:
    """The fields as the model reads them; a page about which it cannot be heard is left out with a notice."""
    values: dict[str, Any] = {}
    notices: list[Notice] = []
    for page in pages:
        try:
            reply = _reply(page, form, asked, options, host)
        except ChatVLMLLMError as error:
            notices.append(Notice("fields_not_asked", {"model": asked.key, "page": page.number, "reason": str(error)}))
            continue
        found = forms.parsed(reply.text)
        if not found or reply.stop is not Stop.END:
            notices.append(Notice("fields_not_told", {"model": asked.key, "page": page.number, "stop": reply.stop}))
        _add(values, found, form)
    return Answer(values, tuple(notices))


def _reply(page: Page, form: forms.Form, asked: Model, options: Options, host: Host) -> Reply:
    settings = options.settings if asked.key == options.model else {}
    wanted = replace(options, task=Task.CHAT, settings=settings)
    request = prepare(page, asked, wanted, Bounds(host.settings.limits.page_seconds, host.context(asked)))
    schema = forms.schema(form)
    said = json.dumps(schema, ensure_ascii=False)
    prompt = _PROMPT.format(page=page.number, title=form.title[form.language], schema=said)
    with host.ensure(asked) as engine, closing(engine.stream(replace(request, prompt=prompt, schema=schema))) as stream:  # type: ignore[type-var]
        return next(item for item in stream if isinstance(item, Reply))


def _add(values: dict[str, Any], found: Mapping[str, Any], form: forms.Form) -> None:
    """A page's values beside those of the pages before: the first of each field stands, rows follow each other."""
    for key, value in found.items():
        if key in form.groups and isinstance(value, list):
            values[key] = [*values.get(key, []), *value]
        elif value not in (None, "") and key not in values:
            values[key] = value
