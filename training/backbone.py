"""The borrowed backbone: PP-OCRv6 small recognition network up to its last pooling, as ONNX and as a torch module.

`cut()` takes the network from the `rapidocr` wheel (Apache-2.0, see NOTICE), keeps the part before `AveragePool`
and lets ONNX Runtime fold batch normalisation and fuse GELU once. `Backbone` replays that small graph in torch, so
the same weights can be trained on. Covers: exactly the operators of this graph; anything else is an error.
"""

from __future__ import annotations

import importlib.resources
import logging
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

HEIGHT = 48
"""Height in pixels of the line image that the network was trained with."""
CHANNELS = 384
"""Feature channels before the last pooling."""
SOURCE = "models/PP-OCRv6_rec_small.onnx"

log = logging.getLogger("training.backbone")


def cut(target: Path) -> Path:
    """Write the network up to the input of its `AveragePool` (384 × H/16 × W/4) to `target`, once."""
    if target.exists():
        return target
    import onnxruntime as ort

    source = importlib.resources.files("rapidocr").joinpath(SOURCE)
    with importlib.resources.as_file(source) as path:
        whole = onnx.load(path)
    pool = next(node for node in whole.graph.node if node.op_type == "AveragePool")
    whole = onnx.version_converter.convert_version(whole, 17)
    part = onnx.utils.Extractor(onnx.shape_inference.infer_shapes(whole)).extract_model(["x"], [pool.input[0]])
    del part.graph.value_info[:]
    part.graph.output[0].CopyFrom(helper.make_tensor_value_info(pool.input[0], 1, [None, CHANNELS, None, None]))
    part.ir_version = 9
    raw = target.with_suffix(".raw.onnx")
    onnx.save(part, raw)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    ort.InferenceSession(str(raw), options, providers=["CPUExecutionProvider"])
    return target


class Backbone(nn.Module):
    """The cut graph as a torch module: N×3×48×W in −1…1 → N×384×3×W/4, every constant a parameter."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        graph = onnx.load(path).graph
        self.steps = [(n.op_type, list(n.input), n.output[0], _attributes(n)) for n in graph.node]
        self.source, self.sink = graph.input[0].name, graph.output[0].name
        self.names = {t.name: f"w{i}" for i, t in enumerate(graph.initializer)}
        axes = {i for op, ins, _, _ in self.steps if op == "ReduceMean" for i in ins[1:]}
        for tensor in graph.initializer:
            if tensor.name in axes:
                continue
            value = torch.from_numpy(numpy_helper.to_array(tensor).copy())
            self.register_parameter(self.names[tensor.name], nn.Parameter(value))

    def freeze(self, convolutions: int) -> None:
        """Make the weights of all steps before that convolution constant (16: stem and first stage)."""
        seen = 0
        for op, inputs, _, _ in self.steps:
            seen += op in ("Conv", "FusedConv")
            for name in inputs:
                weight = self._parameters.get(self.names.get(name, ""))
                if weight is not None and seen <= convolutions:
                    weight.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Features of a batch of line images."""
        seen: dict[str, Tensor] = {self.source: x}
        for op, inputs, output, attributes in self.steps:
            values = [seen[i] if i in seen else getattr(self, self.names.get(i, ""), None) for i in inputs]
            seen[output] = _OPERATORS[op](values, attributes)
        return seen[self.sink]


def _attributes(node: Any) -> dict[str, Any]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _conv(v: list[Any], a: dict[str, Any]) -> Tensor:
    top, left, bottom, right = a.get("pads", [0, 0, 0, 0])
    x = v[0]
    auto = a.get("auto_pad", b"NOTSET")
    if auto == b"SAME_UPPER":
        bottom, right = a["kernel_shape"][0] - 1, a["kernel_shape"][1] - 1
        top, left = bottom // 2, right // 2
        bottom, right = bottom - top, right - left
    if (top, left) != (bottom, right):
        x, top, left = functional.pad(x, (left, right, top, bottom)), 0, 0
    bias = v[2] if len(v) > 2 else None
    y = functional.conv2d(x, v[1], bias, a.get("strides", [1, 1]), (top, left), groups=a.get("group", 1))
    if len(v) > 3 and v[3] is not None:
        y = y + v[3]
    kind = a.get("activation")
    if kind is None:
        return y
    return _ACTIVATIONS[kind](y, a)


def _hard(y: Tensor, a: dict[str, Any]) -> Tensor:
    alpha, beta = a.get("activation_params", [a.get("alpha", 0.2), a.get("beta", 0.5)])
    return torch.clamp(y * alpha + beta, 0, 1)


def _max_pool(v: list[Any], a: dict[str, Any]) -> Tensor:
    x = v[0]
    top, left, bottom, right = a.get("pads", [0, 0, 0, 0])
    if a.get("auto_pad") == b"SAME_UPPER":
        top, left, bottom, right = 0, 0, 1, 1
    x = functional.pad(x, (left, right, top, bottom), value=-3e38)
    return functional.max_pool2d(x, a["kernel_shape"], a.get("strides", [1, 1]))


_ACTIVATIONS: dict[bytes, Any] = {
    b"Relu": lambda y, _: functional.relu(y),
    b"Sigmoid": lambda y, _: torch.sigmoid(y),
    b"HardSigmoid": _hard,
}
_OPERATORS: dict[str, Any] = {
    "Conv": _conv,
    "FusedConv": _conv,
    "Gelu": lambda v, _: functional.gelu(v[0]),
    "Add": lambda v, _: v[0] + v[1],
    "Mul": lambda v, _: v[0] * v[1],
    "Relu": lambda v, _: functional.relu(v[0]),
    "Sigmoid": lambda v, _: torch.sigmoid(v[0]),
    "HardSigmoid": lambda v, a: _hard(v[0], a),
    "ReduceMean": lambda v, a: v[0].mean(a.get("axes", [2, 3]), keepdim=bool(a.get("keepdims", 1))),
    "MaxPool": _max_pool,
    "Concat": lambda v, a: torch.cat(v, a["axis"]),
}
