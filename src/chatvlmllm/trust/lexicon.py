"""Letters and words that the trust checks know, from `lexicon.toml`."""

import tomllib
from importlib import resources
from typing import Any

#: The file's content.
LEXICON: dict[str, Any] = tomllib.loads(resources.files(__package__).joinpath("lexicon.toml").read_text("utf-8"))
