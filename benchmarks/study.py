"""The laboratory over this checkout: our readers, tiny networks of the tests and outside programs on the same pages.

    python -m benchmarks.study [--real FOLDER] [--seed 1] [--small] [--output out/bench]

The networks are the families' real classes with a few random weights, run by the real worker; one was taught two
pages. They read the taught pages and a few others (two of the real ones): their speed and path are real, their texts
(but for the taught pages) noise. Everything goes through `chatvlmllm bench`; the report is in the output folder.
`--small` is what the tests repeat.
"""

import argparse
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
QUICK = "embedded,tesseract,tesseract-cli"
READERS = f"{QUICK},ocrmypdf"
#: Families with a tiny checkpoint, and how many tokens of prompt, picture and reply together each may
#: hold: a bound in tokens, unlike one in seconds, gives the same text each time. dots.ocr replies with up to 8192.
NETWORKS = {"qwen_vl_2b": 6144, "qwen3_vl_2b": 6144, "dots_ocr": 10240}
SHORT = "snils,inn_certificate"
KINDS = f"act,invoice,payment_order,contract,estimate,multilingual,receipt_en,tender_notice,{SHORT}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, help="folder of documents with their truth beside them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--small", action="store_true", help="few pages, one network, no OCRmyPDF")
    parser.add_argument("--output", type=Path, default=ROOT / "out" / "bench")
    chosen = parser.parse_args()
    work = chosen.output.resolve()
    networks = tuple(NETWORKS)[:1] if chosen.small else tuple(NETWORKS)
    config = prepare(work / "tiny", networks)
    taught, study = ["--data", str(work / "tiny" / "taught")], ["--output", str(work), "--seed", str(chosen.seed)]
    few = ["--data", f"generated:{SHORT}", "--degrade", "scan", *taught, *study]
    if chosen.small:
        bench(config, "run", "--models", QUICK, *few)
    else:
        many = ["--data", f"generated:{KINDS}", "--degrade", "scan", *taught, *study]
        bench(config, "run", "--models", READERS, *many, "--throughput", "4")
    bench(config, "run", "--models", ",".join(networks), *few)
    if chosen.real:
        real = ["--data", str(chosen.real.resolve()), *study]
        bench(config, "run", "--models", READERS, *real)
        bench(config, "run", "--models", ",".join(networks), *real, "--limit", "2")
    bench(config, "report", str(work))


def prepare(folder: Path, networks: tuple[str, ...]) -> Path:
    """Tiny checkpoints and the pages that one was taught, made once; the settings that name them."""
    if not (folder / "config.yaml").exists():
        sys.path.insert(0, str(ROOT))
        from tests.tiny import training
        from tests.tiny.checkpoints import FAMILIES
        from transformers.utils import logging

        from chatvlmllm import models
        from chatvlmllm.exchange import Task

        shutil.rmtree(folder, ignore_errors=True)
        (folder / "taught").mkdir(parents=True)
        for name, text in training.PAGES.items():
            training.page(name).save(folder / "taught" / f"{name}.png", dpi=(100, 100))
            (folder / "taught" / f"{name}.gt.txt").write_text(text, encoding="utf-8")
        logging.disable_progress_bar()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for key in networks:
                FAMILIES[key](folder / key)
            prompt = models.find(networks[0]).recipes[Task.TEXT].prompt
            training.overfit(folder / networks[0], prompt, steps=150)
        lines = [f"  {key}: {{weights: '{folder / key}', context: {NETWORKS[key]}}}" for key in networks]
        (folder / "config.yaml").write_text("models:\n" + "\n".join(lines) + f"\ndata: '{folder / 'data'}'\n")
    return folder / "config.yaml"


def bench(config: Path, *arguments: str) -> None:
    """One call of the command line; ends this program when it fails."""
    environ = {**os.environ, "CHATVLMLLM_CONFIG": str(config), "OMP_NUM_THREADS": "1"}
    # Tesseract's threads wait by counting, which on a busy machine takes four fifths of the processor from who works.
    environ["OMP_WAIT_POLICY"] = "passive"
    environ["PYTHONPATH"] = os.pathsep.join((str(ROOT / "src"), environ.get("PYTHONPATH", "")))
    subprocess.run([sys.executable, "-m", "chatvlmllm", "bench", *arguments], check=True, env=environ, cwd=ROOT)


if __name__ == "__main__":
    main()
