"""Typed, checked fields of papers: `extract(readings, "auto")`. Document types are YAML files in `types/`.

Does not cover reading pages (that is `recognize`) or asking a vision-language model: its answer to `schema` is passed
in.
"""

from chatvlmllm.forms.detect import OTHER
from chatvlmllm.forms.extract import AUTO, Aids, extract
from chatvlmllm.forms.form import Form
from chatvlmllm.forms.load import find, forms
from chatvlmllm.forms.nouns import Candidate, Check, Detection, Extraction, Field, Group, Outcome, Reread, Source
from chatvlmllm.forms.schema import parsed, schema

__all__ = [
    "AUTO",
    "OTHER",
    "Aids",
    "Candidate",
    "Check",
    "Detection",
    "Extraction",
    "Field",
    "Form",
    "Group",
    "Outcome",
    "Reread",
    "Source",
    "extract",
    "find",
    "forms",
    "parsed",
    "schema",
]
