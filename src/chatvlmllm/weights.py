"""Checkpoints on this machine: found, fetched from the hub, removed.

A checkpoint is a folder `data/models/<owner--name>/<commit>` with a mark that is written last and lists every file
with its size; without it, or with a file too short, the checkpoint is not there. Program code is fetched only for
cards that run it.
"""

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatvlmllm.errors import (
    DownloadFailed,
    GatedModel,
    MissingExtra,
    MissingWeights,
    NotEnoughDisk,
    OfflineForbidden,
    UnpinnedCode,
)
from chatvlmllm.models.card import Model, Weights

if TYPE_CHECKING:
    from chatvlmllm.config import Settings

_MARK = "chatvlmllm.json"

#: Left free on the disk whatever is fetched.
_RESERVE = 200_000_000

#: Called with a file's name, its bytes so far, and its size.
Watch = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a download would fetch: files with sizes at one commit of a repository."""

    repo: str
    revision: str
    files: Mapping[str, int]

    @property
    def bytes(self) -> int:
        return sum(self.files.values())


def folder(model: Model, settings: "Settings") -> Path:
    """The model's complete checkpoint, or the folder that the user named; raises MissingWeights."""
    named = settings.of(model.key).weights
    if named is not None:
        if (named / "config.json").is_file():
            return named.resolve()
        raise MissingWeights(model=model.key, command=f"models.{model.key}.weights: {named} (config.json)")
    found = next(iter(complete(model, settings)), None)
    if found is None:
        raise MissingWeights(model=model.key, command=f"chatvlmllm models pull {model.key}")
    return found


def here(model: Model, settings: "Settings") -> bool:
    """Whether the model could be loaded without fetching anything."""
    try:
        folder(model, settings)
    except MissingWeights:
        return False
    return True


def complete(model: Model, settings: "Settings") -> list[Path]:
    """Every complete checkpoint of the model; only the pinned one where the card pins it."""
    if model.weights is None:
        return []
    home = _home(model.weights, settings)
    pinned = model.weights.revision
    return [path for path in sorted(home.glob(pinned or "*")) if _whole(path)]


def _home(source: Weights, settings: "Settings") -> Path:
    return settings.data / "models" / source.repo.replace("/", "--")


def _whole(path: Path) -> bool:
    try:
        listed = json.loads((path / _MARK).read_text(encoding="utf-8"))["files"]
        return all((path / name).stat().st_size == size for name, size in listed.items())
    except (OSError, ValueError, KeyError):
        return False


def pull(model: Model, settings: "Settings", watch: Watch, planned: Callable[[Plan], None] = lambda _: None) -> Path:
    """Fetch the checkpoint, going on where an earlier try stopped; returns its folder. What `watch` raises ends it.

    Raises OfflineForbidden, UnpinnedCode, GatedModel, NotEnoughDisk, DownloadFailed.
    """
    source = model.weights
    assert source is not None
    found = complete(model, settings)
    if found:
        return found[0]
    if source.remote_code and source.revision is None:
        raise UnpinnedCode(model=model.key, target=source.repo)
    if settings.offline:
        raise OfflineForbidden(target=source.repo)
    plan = survey(source)
    planned(plan)
    target = _home(source, settings) / plan.revision
    _check_disk(plan, target)
    for name, size in plan.files.items():
        _fetch(plan, name, target, _Bar.watching(watch, name, size))
        watch(name, size, size)
    mark = {"repo": plan.repo, "revision": plan.revision, "files": plan.files}
    (target / _MARK).write_text(json.dumps(mark, indent=2), encoding="utf-8")
    return target


def survey(source: Weights) -> Plan:
    """Ask the hub what is to be fetched, at which commit."""
    hub = _hub()
    with _plain_errors(source.repo):
        info = hub.HfApi().model_info(source.repo, revision=source.revision or source.branch, files_metadata=True)
    unwanted = (*source.ignore, *(() if source.remote_code else ("*.py",)), ".git*", "*.md", "*.png", "*.jpg", "*.pdf")
    files = {
        file.rfilename: int(file.size or 0)
        for file in info.siblings or ()
        if not any(fnmatch(file.rfilename, pattern) for pattern in unwanted)
    }
    return Plan(source.repo, str(info.sha), dict(sorted(files.items(), key=lambda item: item[1])))


def _check_disk(plan: Plan, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    present = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    needed, free = max(0, plan.bytes - present) + _RESERVE, shutil.disk_usage(target).free
    if needed > free:
        raise NotEnoughDisk(target=plan.repo, folder=target, needed=round(needed / 1e9, 1), free=round(free / 1e9, 1))


def _fetch(plan: Plan, name: str, target: Path, bar: type) -> None:
    """One file, going on after what an earlier try left: a commit's files never change, so its part stays valid."""
    hub, size, whole = _hub(), plan.files[name], target / name
    part = whole.with_name(whole.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    if whole.is_file() and whole.stat().st_size == size:
        return
    part.touch()
    with _plain_errors(plan.repo), part.open("r+b") as stream:
        # The client's own download command throws a broken transfer away; the function under it can go on.
        from huggingface_hub.file_download import http_get

        http_get(
            hub.hf_hub_url(plan.repo, name, revision=plan.revision),
            stream,
            resume_size=stream.seek(0, 2),
            headers=hub.utils.build_hf_headers(),
            expected_size=size,
            tqdm_class=bar,
        )
    found = part.stat().st_size
    if found != size:
        part.unlink()
        raise DownloadFailed(target=f"{plan.repo}/{name}", reason=f"{found} bytes instead of {size}")
    part.replace(whole)


class _Bar:
    """What the hub library takes for a progress bar."""

    watch: Watch
    name: str
    size: int

    @classmethod
    def watching(cls, watch: Watch, name: str, size: int) -> type["_Bar"]:
        return type("_Watched", (cls,), {"watch": staticmethod(watch), "name": name, "size": size})

    def __init__(self, *_: object, initial: int = 0, **__: object) -> None:
        self.n = initial

    def update(self, amount: float = 1) -> None:
        self.n += int(amount)
        self.watch(self.name, self.n, self.size)

    def close(self) -> None:
        """Nothing is drawn here."""

    def refresh(self) -> None:
        """Nothing is drawn here."""

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise MissingExtra(feature="models", command="pip install 'chatvlmllm[transformers]'") from error
    return huggingface_hub


@contextmanager
def _plain_errors(target: str) -> Iterator[None]:
    """The hub library's errors as ours."""
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise GatedModel(target=target) from error
    except errors.OfflineModeIsEnabled as error:
        raise OfflineForbidden(target=target) from error
    except errors.RepositoryNotFoundError as error:
        raise DownloadFailed(target=target, reason="the hub does not know it, or it is private") from error
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, OSError, *_transport_errors()) as error:
        raise DownloadFailed(target=target, reason=_sentence(error)) from error


def _transport_errors() -> tuple[type[Exception], ...]:
    """What the hub library's own HTTP client raises; which client that is differs between its versions."""
    loaded = (sys.modules.get(name) for name in ("httpx", "httpx2"))
    return tuple(module.HTTPError for module in loaded if module is not None)


def _sentence(error: Exception) -> str:
    """The first line of the cause at the bottom, which says more than the wrappers around it."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    lines = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {lines[0]}" if lines else type(cause).__name__


def remove(model: Model, settings: "Settings") -> int:
    """Delete every file of the model's repository here; returns the bytes that this freed."""
    if model.weights is None:
        return 0
    home = _home(model.weights, settings)
    freed = sum(file.stat().st_size for file in home.rglob("*") if file.is_file())
    shutil.rmtree(home, ignore_errors=True)
    return freed
