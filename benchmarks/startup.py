"""How long a user waits before anything happens: import, help, first page.

Prints medians over runs; the machine and its load decide, so nothing here is asserted.
"""

import statistics
import subprocess
import sys
import time

RUNS = 9
COMMANDS = {
    "python (bare)": [sys.executable, "-c", "pass"],
    "import chatvlmllm": [sys.executable, "-c", "import chatvlmllm"],
    "chatvlmllm --help": [sys.executable, "-m", "chatvlmllm", "--help"],
    "chatvlmllm recognize sample.png": [
        sys.executable, "-m", "chatvlmllm", "recognize", "src/chatvlmllm/samples/sample.png",
    ],
}  # fmt: skip


def seconds(command: list[str]) -> float:
    """Median wall-clock time of one command."""
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def main() -> None:
    measured = {name: seconds(command) for name, command in COMMANDS.items()}
    bare = measured["python (bare)"]
    sys.stdout.write(f"{'median of ' + str(RUNS):<34}{'ms':>8}{'over bare':>12}\n")
    for name, value in measured.items():
        sys.stdout.write(f"{name:<34}{value * 1000:>8.0f}{(value - bare) * 1000:>12.0f}\n")


if __name__ == "__main__":
    main()
