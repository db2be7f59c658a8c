"""Settings: defaults < config.yaml < environment (`CHATVLMLLM_…`) < flags, each typed, each optional.

The file is looked for at `CHATVLMLLM_CONFIG`, then `./config.yaml`, then the user's configuration folder; an empty file
is a valid one. Model facts are not settings: they live in the model's card.
"""

import difflib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from chatvlmllm.errors import ConfigInvalid

_PREFIX = "CHATVLMLLM_"

#: Variables that are read before or without any settings.
_NOT_SETTINGS = {_PREFIX + "CONFIG", _PREFIX + "UI_LANG", _PREFIX + "OWNER", _PREFIX + "KEY"}


def _user_folder(windows: str, xdg: str, fallback: str) -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get(windows, Path.home())) / "chatvlmllm"
    return Path(os.environ.get(xdg) or Path.home() / fallback) / "chatvlmllm"


class Section(BaseModel):
    """A group of settings; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(Section):
    """Bounds on what is opened."""

    file_mb: float = Field(500, gt=0, description="largest file, in megabytes")
    megapixels: float = Field(120, gt=0, description="largest picture, in millions of pixels")
    pages: int = Field(5000, ge=1, description="most pages of one file")
    pdf_dpi: float = Field(300, ge=50, le=1200, description="resolution at which PDF pages are drawn, in dots per inch")
    page_seconds: float = Field(300, gt=0, description="longest time for one page, in seconds")


class Gpu(Section):
    """One accelerator, many models."""

    policy: Literal["single", "budget"] = Field("single", description="one model at a time, or several while they fit")
    budget_gb: float = Field(0, ge=0, description="memory for all models together (budget); 0 means what is free")
    idle_seconds: float = Field(600, ge=0, description="a model unused for so long is unloaded; 0 means never")
    pinned: tuple[str, ...] = Field((), description="models that are never unloaded for others")
    fairness: int = Field(40, ge=1, description="pages of one model that may be read while another model is waited for")
    sleep: bool = Field(True, description="let vLLM keep weights in main memory instead of ending it")
    start_seconds: float = Field(900, gt=0, description="longest time until a model is ready")
    silence_seconds: float = Field(120, gt=0, description="a model that says nothing for so long is ended")
    cpu_fallback: bool = Field(False, description="read a page with the same model on the CPU when the GPU failed it")


class Store(Section):
    """What is kept of documents and results, and where."""

    url: str = Field("", description="postgresql://…; by default the file store.sqlite3 in the data folder")
    keep: Literal["all", "results", "nothing"] = Field(
        "all", description="files and results; results only; or nothing once the program ends"
    )
    keep_days: float = Field(30, ge=0, description="jobs that ended so many days ago are deleted; 0 means never")


class Jobs(Section):
    """Work that the server does for its clients, and how carefully it opens their files."""

    parallel: int = Field(4, ge=1, description="jobs under way at once; the last place is for who waits on the line")
    queue: int = Field(200, ge=1, description="jobs that may wait; more are refused for a while")
    files: int = Field(100, ge=1, description="most files of one job")
    json_mb: float = Field(100, gt=0, description="largest request that carries its files within JSON, in megabytes")
    file_seconds: float = Field(60, gt=0, description="longest time to open a file or to draw one page of it")
    file_memory_mb: int = Field(4000, ge=500, description="most memory of the process that opens a file, in megabytes")


class Vllm(Section):
    """vLLM servers that this program starts itself."""

    mode: Literal["auto", "process", "container", "off"] = Field("auto", description="how a server is started")
    python: Path | None = Field(None, description="interpreter of an environment that has vLLM; by default our own")
    image: str = Field("vllm/vllm-openai:v0.32.0", description="container image with its tag")
    socket: str = Field("", description="address of Docker or Podman; by default it is looked for")
    requests: int = Field(8, ge=1, description="pages that one server reads at once")
    cache_gb: int = Field(4, ge=1, description="memory for the cache of a server on the CPU")


class Serving(Section):
    """The program's own server: `chatvlmllm serve`."""

    host: str = Field("127.0.0.1", description="address to listen on; one beyond this machine needs a key")
    port: int = Field(8642, ge=0, le=65535, description="port to listen on; 0 means any free one")
    keys: dict[str, Annotated[SecretStr, Field(min_length=16)]] = Field(
        default_factory=dict, description="API keys, at least 16 characters each, by the name of their owner"
    )
    cors: tuple[str, ...] = Field((), description="web origins that may call the server, such as https://example.org")
    queue: int = Field(256, ge=1, description="requests under way or waiting at once; more are refused for a while")
    body_mb: float = Field(700, gt=0, description="largest request, in megabytes")
    patience_seconds: float = Field(30, gt=0, description="longest silence of a client that is sending or receiving")
    allow_urls: bool = Field(False, description="fetch what a request names by its http address, if that is public")
    chat_pages: int = Field(16, ge=1, description="most pictures and pages in one conversation")
    grace_seconds: float = Field(30, ge=0, description="time for requests under way when the server ends")
    log: Literal["text", "json"] = Field("text", description="form of the server's log lines")


class Server(Section):
    """An OpenAI-compatible server that the user runs."""

    url: str = Field(pattern=r"^https?://")
    models: dict[str, str] = Field(min_length=1)
    key_variable: str = ""
    requests: int = Field(4, ge=1)


class ModelSettings(Section):
    """What a user may set for one model, under `models: KEY:`; everything else about a model is in its card."""

    engine: Literal["transformers", "vllm", "container", "embedded"] | None = None
    weights: Path | None = None
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    attention: Literal["auto", "sdpa", "eager", "flash_attention_2"] = "auto"
    quantization: Literal["int8", "int4"] | None = None
    context: int | None = Field(None, ge=512)
    memory_fraction: float | None = Field(None, gt=0, le=1)


class Settings(BaseSettings):
    """Everything a user may set."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=_PREFIX,
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    model: str = Field("auto", description="model key, or auto")
    languages: str = Field("rus+eng", pattern=r"^[A-Za-z_]+(\+[A-Za-z_]+)*$", description="languages on the page")
    workers: int = Field(0, ge=0, description="pages read at once; 0 means one per processor core")
    offline: bool = Field(False, description="make any network access an error")
    csv_delimiter: Literal[";", ",", "\t"] = Field(";", description="a Russian Excel expects the semicolon")
    data: Path = Field(
        default_factory=lambda: _user_folder("LOCALAPPDATA", "XDG_DATA_HOME", ".local/share"),
        description="folder for what is downloaded and stored",
    )
    tessdata: Path | None = Field(None, description="folder with Tesseract language data; by default it is looked for")
    limits: Limits = Limits()
    store: Store = Store()
    jobs: Jobs = Jobs()
    gpu: Gpu = Gpu()
    vllm: Vllm = Vllm()
    server: Serving = Serving()
    servers: tuple[Server, ...] = Field(
        (),
        description=("your own servers: url (to /v1), models (our key: its name there), key_variable, requests"),
    )
    models: dict[str, ModelSettings] = Field(
        default_factory=dict,
        description=(
            "by model key: engine, weights (a folder), device, dtype, attention, quantization, context, memory_fraction"
        ),
    )

    def of(self, key: str) -> ModelSettings:
        """What the user set for the model `key`."""
        return self.models.get(key, ModelSettings())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 the signature is the library's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over what `load` read from the file; no dotenv, no secrets folder."""
        return env_settings, init_settings


def config_path(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The configuration file in force, or None."""
    named = environ.get(_PREFIX + "CONFIG")
    if named:
        return Path(named)
    candidates = (Path("config.yaml"), _user_folder("APPDATA", "XDG_CONFIG_HOME", ".config") / "config.yaml")
    return next((path for path in candidates if path.is_file()), None)


def load(path: Path | None = None) -> Settings:
    """Settings from `path` (by default `config_path()`) and the environment; raises ConfigInvalid."""
    path = path or config_path()
    values, lines = _read(path) if path else ({}, {})
    _refuse_unknown_variables()
    try:
        return Settings(**values)
    except ValidationError as error:
        raise _explain(error, path, lines) from error


def origin(key: str, path: Path | None) -> str:
    """Where the value of dotted `key` comes from: the variable's name, the file, or "default"."""
    variable = _PREFIX + key.upper().replace(".", "__")
    if variable in {name.upper() for name in os.environ}:
        return variable
    lines = _read(path)[1] if path else {}
    return f"{path}:{lines[key]}" if key in lines else "default"


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by dotted key."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return flat


def _read(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """The file's values, and the line (from 1) of every dotted key."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise ConfigInvalid(file=path, line=line, problem=_sentence(error), near="—") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(file=path, line=1, problem=error, near="—") from error
    if not isinstance(values, dict):
        raise ConfigInvalid(file=path, line=1, problem="key: value expected", near="—")
    return values, _lines(node)


def _sentence(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or error).splitlines()[0]


def _lines(node: yaml.Node | None, prefix: str = "") -> dict[str, int]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    found: dict[str, int] = {}
    for key, value in node.value:
        found[prefix + str(key.value)] = key.start_mark.line + 1
        found |= _lines(value, f"{prefix}{key.value}.")
    return found


def _refuse_unknown_variables() -> None:
    """The library ignores a variable that matches no key; a typing mistake must not pass unseen."""
    known = {_PREFIX + key.upper().replace(".", "__") for key in _keys()} | _NOT_SETTINGS
    for name in os.environ:
        if name.upper().startswith(_PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, n=1)
            raise ConfigInvalid(file=name, line=0, problem=f"unknown variable {name}", near=near[0] if near else "—")


def _keys() -> list[str]:
    """Every dotted key, sections included."""
    sections = {name: type(f.default) for name, f in Settings.model_fields.items() if isinstance(f.default, Section)}
    inner = [f"{name}.{key}" for name, section in sections.items() for key in section.model_fields]
    return [*Settings.model_fields, *inner]


def _explain(error: ValidationError, path: Path | None, lines: Mapping[str, int]) -> ConfigInvalid:
    """The first problem, with file, line and the nearest valid key."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _keys()
        if first["loc"][0] == "models":
            known = [".".join([*key.split(".")[:-1], name]) for name in ModelSettings.model_fields]
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        return ConfigInvalid(
            file=path, line=lines.get(key, 0), problem=f"unknown key {key}", near=near[0] if near else "—"
        )
    source = path if key in lines else _PREFIX + key.upper().replace(".", "__")
    return ConfigInvalid(file=source, line=lines.get(key, 0), problem=f"{key}: {first['msg']}", near="—")
