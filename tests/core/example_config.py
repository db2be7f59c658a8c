"""config.example.yaml: every setting with its default."""

import json
from typing import Any

from pydantic_core import PydanticUndefined

from chatvlmllm.config import Section, Settings


def example() -> str:
    """Every key, commented out, with its default and its meaning."""
    lines = [
        "# All settings are optional: an empty file is a valid one. Put this file at ./config.yaml, or name it in",
        "# CHATVLMLLM_CONFIG; an environment variable such as CHATVLMLLM_LIMITS__PAGES wins over it.",
        "",
    ]
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, Section):
            lines += [f"# {type(field.default).__doc__}", f"{name}:"]
            for key, inner in type(field.default).model_fields.items():
                lines += [f"  # {inner.description}", f"  {key}: {_yaml(inner.get_default(call_default_factory=True))}"]
            lines.append("")
        else:
            computed = field.default in (None, PydanticUndefined)
            shown = f"# {name}: …" if computed else f"{name}: {_yaml(field.default)}"
            lines += [f"# {field.description}", shown, ""]
    return "\n".join(lines)


def _yaml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
