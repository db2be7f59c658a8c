"""`chatvlmllm extract` as a person meets it: masked papers, and a vision-language model asked for the fields."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from chatvlmllm.export.fields import personal
from chatvlmllm.forms import find
from tests.engines.rig import server
from tests.forms.papers import specimen, truth

SEED = 11


@pytest.fixture
def born(tmp_path: Path) -> Callable[[str], Path]:
    """A generated paper as the PDF that its program made, text inside."""

    def make(kind: str) -> Path:
        path = tmp_path / f"{kind}.pdf"
        path.write_bytes(specimen(kind, SEED).pdf)
        return path

    return make


@pytest.mark.parametrize(
    ("kind", "format_"), [("inn_certificate", "json"), ("snils", "csv"), ("invoice", "txt"), ("snils", "xlsx")]
)
def test_a_masked_export_has_no_personal_value(
    cli: Callable, born: Callable, tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, format_: str
) -> None:
    """With `--mask` no personal value is in the file, on the screen or, at its most talkative, in the log."""
    form = find(kind)
    every = dict(truth(specimen(kind, SEED).fields))
    secrets = {value for key, value in every.items() if personal(form, key) and len(value) > 4}
    open_values = [value for key, value in every.items() if not personal(form, key)]
    secrets = {secret for secret in secrets if not any(secret in value for value in open_values)}
    file = tmp_path / f"out.{format_}"
    with caplog.at_level(logging.DEBUG):
        said = cli("extract", born(kind), "--type", kind, "--mask", "--format", format_, "--output", file)
    assert said.code in (0, 1)
    written = _cells(file) if format_ == "xlsx" else file.read_text("utf-8")
    assert secrets
    for text in (written, said.text, said.err, caplog.text):
        assert [secret for secret in secrets if secret in text] == []


def test_without_a_mask_the_log_is_silent_too(cli: Callable, born: Callable, caplog: pytest.LogCaptureFixture) -> None:
    """Values go to the result and nowhere else."""
    secrets = [value for key, value in truth(specimen("snils", SEED).fields) if len(value) > 4]
    with caplog.at_level(logging.DEBUG):
        said = cli("extract", born("snils"), "--format", "json")
    assert any(secret in said.text for secret in secrets)
    assert [secret for secret in secrets if secret in said.err + caplog.text] == []


def _cells(file: Path) -> str:
    import openpyxl

    book = openpyxl.load_workbook(file)
    return "\n".join(str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row)


@pytest.fixture
def told(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Settings that name a user's server with one vision-language model."""

    def write(url: str) -> None:
        file = tmp_path_factory.mktemp("settings") / "config.yaml"
        file.write_text(json.dumps({"servers": [{"url": url, "models": {"qwen3_vl_2b": "model"}}]}), "utf-8")
        monkeypatch.setenv("CHATVLMLLM_CONFIG", str(file))

    return write


def _by_key(text: str) -> dict[str, dict]:
    return {one["key"]: one for one in json.loads(text)["fields"]}


def test_a_model_is_held_to_the_schema_of_the_type(cli: Callable, born: Callable, told: Callable) -> None:
    """Its values join those of the rules; invented ones are marked and have no place; keys of its own are not asked."""
    true = dict(truth(specimen("invoice", SEED).fields))
    said = {"number": true["number"], "due_date": "31.12.2049", "password": "hunter2"}
    with server("json=" + json.dumps(said, ensure_ascii=False)) as url:
        told(url)
        outcome = cli("extract", born("invoice"), "--format", "json")
    paper, fields = json.loads(outcome.text), _by_key(outcome.text)
    assert (paper["form"], paper["asked"], paper["notices"]) == ("invoice", "qwen3_vl_2b", [])
    assert fields["number"]["value"] == true["number"]
    assert {"model", "phrase"} <= set(fields["number"]["layers"])
    invented = fields["due_date"]
    assert (invented["value"], invented["layers"], invented["supported"]) == ("2049-12-31", ["model"], False)
    assert invented["source"]["box"] is None
    assert "hunter2" not in outcome.text


def test_a_value_that_only_the_model_found_is_looked_for_on_the_page(
    cli: Callable, born: Callable, told: Callable, tmp_path: Path
) -> None:
    """What no rule knows but the page shows is supported and gets the place where it stands."""
    true = dict(truth(specimen("invoice", SEED).fields))
    (tmp_path / "slip.yaml").write_text(
        "key: slip\ntitle: {ru: Листок, en: Slip}\nfields:\n  paid_to: {kind: inn, title: {ru: кому, en: to whom}}\n",
        encoding="utf-8",
    )
    with server("json=" + json.dumps({"paid_to": true["seller_inn"]})) as url:
        told(url)
        outcome = cli("extract", born("invoice"), "--types", tmp_path, "--type", "slip", "--format", "json")
    one = _by_key(outcome.text)["paid_to"]
    assert (one["value"], one["layers"], one["supported"]) == (true["seller_inn"], ["model"], True)
    assert one["source"]["box"]["x1"] > 0


@pytest.mark.parametrize(
    ("mode", "code"), [("dead", "fields_not_asked"), ("length", "fields_not_told"), ("text=none", "fields_not_told")]
)
def test_a_model_that_fails_leaves_the_rules_and_a_notice(
    cli: Callable, born: Callable, told: Callable, mode: str, code: str
) -> None:
    """A dead server, a cut answer and an answer that is no JSON are told; the values of the rules stay."""
    true = dict(truth(specimen("invoice", SEED).fields))
    with server(mode) as url:
        told(url)
        outcome = cli("extract", born("invoice"), "--format", "json")
    paper = json.loads(outcome.text)
    assert [notice["code"] for notice in paper["notices"]] == [code]
    assert "qwen3_vl_2b" in outcome.err
    assert _by_key(outcome.text)["total"]["value"] == true["total"]


def test_a_reader_that_was_chosen_asks_nobody(cli: Callable, born: Callable, told: Callable) -> None:
    """`--model text_layer` reads without any network, although a server is there."""
    with server("refuse=not you") as url:
        told(url)
        outcome = cli("extract", born("snils"), "--model", "text_layer", "--format", "json")
    assert (json.loads(outcome.text)["asked"], json.loads(outcome.text)["notices"]) == ("", [])
