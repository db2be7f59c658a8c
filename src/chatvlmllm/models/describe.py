"""A card as facts and as a table: what `models show` prints and `docs/models.md` holds."""

from collections.abc import Iterator

from chatvlmllm.models.card import Model, Served, Weights, Words, Worker

_NO = {"en": "no", "ru": "нет"}


def facts(model: Model, language: str) -> Iterator[tuple[str, str]]:
    """Name and value of everything a card says, in the order in which people ask."""
    yield "key", model.key
    yield "title", model.title
    yield "summary", model.summary[language]
    if model.cannot:
        yield "cannot", model.cannot[language]
    yield "tasks", ", ".join(model.recipes)
    yield "languages", ", ".join(model.languages)
    yield "licence", model.licence
    if model.weights is not None:
        yield from _weights(model.weights)
    if model.context:
        yield "context", f"{model.context} tokens"
    for name, runtime in model.runtimes.items():
        yield f"on {name}", _runtime(runtime)
    for name, reason in model.excluded.items():
        yield f"on {name}", f"{_NO[language]}: {reason[language]}"
    if model.options:
        yield "options", ", ".join(model.options)
    for task, recipe in model.recipes.items():
        options = " ".join(f"{name}={value}" for name, value in recipe.options.items())
        yield f"task {task}", f"at most {recipe.limits.tokens} tokens {options}".rstrip()


def _weights(source: Weights) -> Iterator[tuple[str, str]]:
    yield "repository", source.repo
    yield "revision", source.revision or f"{source.branch} ({source.unpinned})"
    yield "parameters", f"{source.parameters / 1e9:.2f} billion"
    yield "download", f"{source.bytes / 1e9:.1f} GB"
    yield "GPU memory", f"about {source.vram / 1e9:.0f} GB in 16 bits"
    if source.remote_code:
        yield "code", "runs program code from its repository, at this commit only"


def _runtime(runtime: object) -> str:
    if isinstance(runtime, Worker):
        where = f"; environment of its own: {', '.join(runtime.requirements)}" if runtime.requirements else ""
        quantised = f"; {', '.join(runtime.quantization)} when asked for" if runtime.quantization else ""
        return f"yes; attention {', '.join(runtime.attention)}{quantised}; greedy{where}"
    if isinstance(runtime, Served):
        return " ".join(("yes;", *runtime.arguments)).rstrip(";")
    return "yes"


def table(models: list[Model], language: str) -> str:
    """One row per model, with what it cannot do."""
    heads: Words = {
        "en": "| key | model | good at | cannot | tasks | languages | size | GPU | context | runs on | licence |",
        "ru": "| ключ | модель | умеет | не умеет | задачи | языки | размер | GPU | контекст | движки | лицензия |",
    }
    rows = [_row(model, language) for model in models]
    return "\n".join([heads[language], "|---" * 11 + "|", *rows])


def _row(model: Model, language: str) -> str:
    source = model.weights
    cells = (
        f"`{model.key}`",
        model.title,
        model.summary[language],
        model.cannot.get(language, "—"),
        ", ".join(model.recipes),
        ", ".join(model.languages),
        f"{source.parameters / 1e9:.2g} B, {source.bytes / 1e9:.1f} GB" if source else "—",
        f"{source.vram / 1e9:.0f} GB" if source else "—",
        f"{model.context:,}".replace(",", " ") if model.context else "—",
        ", ".join(model.runtimes),
        model.licence,
    )
    return "| " + " | ".join(cells) + " |"


def page(models: list[Model]) -> str:
    """docs/models.md: the table, then why a model does not run on an engine, then where weights come from."""
    lines = [
        "# Models",
        "",
        "Made from the cards in `src/chatvlmllm/models/` by `make docs`. Sizes and memory are those of 16-bit weights;",
        "`chatvlmllm models show KEY` says everything about one model.",
        "",
        table(models, "en"),
        "",
        "## Why not on that engine",
        "",
        "| key | engine | reason |",
        "|---|---|---|",
    ]
    for model in models:
        lines += [f"| `{model.key}` | {name} | {why['en']} |" for name, why in model.excluded.items()]
    lines += ["", "## Where weights come from", "", "| key | repository | commit |", "|---|---|---|"]
    for model in [model for model in models if model.weights]:
        assert model.weights is not None
        commit = f"`{model.weights.revision}`" if model.weights.revision else f"none: {model.weights.unpinned}"
        lines.append(f"| `{model.key}` | {model.weights.repo} | {commit} |")
    return "\n".join(lines) + "\n"
