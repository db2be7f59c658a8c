"""Makes PyPI's torchvision importable beside a CPU build of torch; for the test environment only.

Installed as `<site-packages>/torchvision_cpu.py` with a one-line `.pth` file that imports it, so that worker
processes get it too. The compiled part of that torchvision does not load without CUDA; two operators are declared in
its place, and only the Python transforms are ever called. It acts at the first import of torchvision, so it costs
other programs nothing.
"""

import importlib.abc
import sys


class _Declare(importlib.abc.MetaPathFinder):
    """Declares the missing operators just before torchvision is imported, then steps aside."""

    def find_spec(self, name, path=None, target=None):
        if name == "torchvision":
            sys.meta_path.remove(self)
            import torch

            library = torch.library.Library("torchvision", "DEF")
            for operator in ("nms", "qnms"):
                library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            sys.torchvision_library = library


sys.meta_path.insert(0, _Declare())
