"""Memory of pictures goes back to the system."""

import platform
import subprocess
import sys

import pytest


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has to be told")
def test_the_bound_on_kept_memory_can_be_set() -> None:
    """glibc takes the bound; in a process of its own, because it lasts."""
    program = "from chatvlmllm.server.heap import settle; print(settle())"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said == "True\n"
