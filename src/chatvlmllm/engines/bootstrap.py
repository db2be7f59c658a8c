"""First file of a worker: makes this package importable under any interpreter, and nothing else of our environment.

    PYTHON bootstrap.py

A worker may run in an environment with other versions of the same libraries, so our `site-packages` must not become
visible there. Only the package's own folder is offered, without running its `__init__`, which may need more than the
nouns. Imports nothing but the standard library.
"""

import sys
from pathlib import Path
from types import ModuleType


def main() -> None:
    """Offer the package, then serve."""
    package = ModuleType("chatvlmllm")
    package.__path__ = [str(Path(__file__).resolve().parents[1])]
    sys.modules["chatvlmllm"] = package
    # Running a file puts its folder first on the path, where our module names could hide real ones.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]
    from chatvlmllm.engines.worker_main import serve

    serve()


if __name__ == "__main__":
    main()
