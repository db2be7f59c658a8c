"""The catalogue: a model exists because a module of this package declares it in `MODELS`.

Third parties declare theirs in a module of their own, named by an entry point of group `chatvlmllm.models`.
"""

import difflib
import pkgutil
from functools import cache
from importlib import import_module, metadata
from types import ModuleType

from chatvlmllm.errors import UnknownModel
from chatvlmllm.models.card import Model


@cache
def catalogue() -> dict[str, Model]:
    """Every registered model by key, sorted; raises ValueError when two share one."""
    found: dict[str, Model] = {}
    for module in _modules():
        for model in getattr(module, "MODELS", ()):
            if model.key in found:
                message = f"two models are called {model.key!r}"
                raise ValueError(message)
            found[model.key] = model
    return dict(sorted(found.items()))


def _modules() -> list[ModuleType]:
    own = [import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    return own + [point.load() for point in metadata.entry_points(group="chatvlmllm.models")]


def find(key: str) -> Model:
    """The model `key`; raises UnknownModel that names near keys, and never answers with another model."""
    known = catalogue()
    if key not in known:
        near = difflib.get_close_matches(key, known, n=3, cutoff=0.4) or list(known)
        raise UnknownModel(model=key, near=", ".join(near))
    return known[key]
