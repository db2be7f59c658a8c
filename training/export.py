"""Writes the shipped network: `python training/export.py training/work/all.pt`.

The trained weights go back into the borrowed graph, the head is appended with batch normalisation folded into the
convolutions, the three equal input channels become one, grey bytes are scaled inside the graph, and a softmax with
the calibrated temperature closes it. Weights are stored as float16 and widened when the network is loaded (half the
size; see MODEL_CARD.md for what it costs). Beside it goes `line_reader.json`: characters, geometry, calibration.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from backbone import HEIGHT, Backbone, cut
from charset import charset
from model import DILATIONS, STRIDE, Recogniser
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

WORK = Path(__file__).parent / "work"
TARGET = Path(__file__).parents[1] / "src" / "chatvlmllm" / "page" / "weights"
Array = NDArray[Any]
log = logging.getLogger("training.export")


class Graph:
    """Collects nodes and constants."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}

    def add(self, op: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        """Append a node and return its output."""
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def constant(self, name: str, value: Array) -> str:
        """Append a constant and return its name."""
        self.constants[name] = value
        return name

    def convolve(self, x: str, name: str, weight: Array, bias: Array, **attributes: Any) -> str:
        """A convolution with its weights."""
        inputs = [x, self.constant(f"{name}.w", weight), self.constant(f"{name}.b", bias)]
        return self.add("Conv", inputs, name, kernel_shape=list(weight.shape[2:]), **attributes)

    def model(self, source: onnx.ValueInfoProto, sink: onnx.ValueInfoProto) -> onnx.ModelProto:
        """The whole graph, large constants as float16 behind a cast."""
        initializers, casts = [], []
        for name, value in self.constants.items():
            if value.dtype == np.float32 and value.size > 512:
                initializers.append(numpy_helper.from_array(value.astype(np.float16), f"{name}.half"))
                casts.append(
                    helper.make_node("Cast", [f"{name}.half"], [name], name=f"{name}.cast", to=TensorProto.FLOAT)
                )
            else:
                initializers.append(numpy_helper.from_array(value, name))
        graph = helper.make_graph(casts + self.nodes, "line_reader", [source], [sink], initializers)
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9, producer_name="chatvlmllm")


def fold(weight: Array, bias: Array | None, norm: nn.BatchNorm2d) -> tuple[Array, Array]:
    """A convolution followed by a normalisation, as one convolution."""
    mean, variance = _numbers(norm.running_mean), _numbers(norm.running_var)
    gain = _numbers(norm.weight) / np.sqrt(variance + norm.eps)
    shift = (0 if bias is None else bias) - mean
    return weight * gain[:, None, None, None], _numbers(norm.bias) + shift * gain


def _numbers(tensor: torch.Tensor | None) -> Array:
    assert tensor is not None
    return tensor.detach().float().numpy()


def build(model: Recogniser, temperature: float) -> onnx.ModelProto:
    """The shipped graph: `lines` N×48×W uint8 → `scores` N×(W/4)×C."""
    graph = Graph()
    x = graph.add("Cast", ["lines"], "lines.float", to=TensorProto.FLOAT)
    x = graph.add("Mul", [x, graph.constant("scale", np.array(1 / 127.5, np.float32))], "lines.scaled")
    x = graph.add("Sub", [x, graph.constant("one", np.array(1.0, np.float32))], "lines.centred")
    x = graph.add("Unsqueeze", [x, graph.constant("axis", np.array([1], np.int64))], "lines.image")
    x = _backbone(graph, model.backbone, x)
    x = _head(graph, model, x)
    x = graph.add("Squeeze", [x, graph.constant("row", np.array([2], np.int64))], "steps")
    x = graph.add("Transpose", [x], "logits", perm=[0, 2, 1])
    x = graph.add("Mul", [x, graph.constant("cool", np.array(1 / temperature, np.float32))], "logits.cooled")
    graph.add("Softmax", [x], "scores", axis=2)
    source = helper.make_tensor_value_info("lines", TensorProto.UINT8, ["N", HEIGHT, "W"])
    sink = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", "T", len(charset()) + 1])
    return graph.model(source, sink)


def _backbone(graph: Graph, backbone: Backbone, x: str) -> str:
    """The borrowed graph with the trained weights; its first convolution sums over the equal channels."""
    original = onnx.load(cut(WORK / "backbone.onnx")).graph
    fixed = {t.name: numpy_helper.to_array(t) for t in original.initializer}
    for name, parameter in backbone.names.items():
        trained = backbone._parameters.get(parameter)  # noqa: SLF001
        graph.constant(name, _numbers(trained) if trained is not None else fixed[name])
    for number, node in enumerate(original.node):
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        if number == 0:
            graph.constants[node.input[1]] = graph.constants[node.input[1]].sum(1, keepdims=True)
            copy.input[0] = x
        graph.nodes.append(copy)
    return str(original.output[0].name)


def _head(graph: Graph, model: Recogniser, x: str) -> str:
    """The head, normalisations folded."""
    head = model.head
    y = graph.convolve(x, "rows", *fold(_numbers(head.rows.weight), None, head.norm))
    y = graph.add("Gelu", [y], "rows.gelu", domain="com.microsoft")
    for i, (block, dilation) in enumerate(zip(head.blocks, DILATIONS, strict=True)):
        weight, bias = fold(_numbers(block.depth.weight), _numbers(block.depth.bias), block.norm)
        pads = [0, 3 * dilation, 0, 3 * dilation]
        z = graph.convolve(y, f"b{i}.depth", weight, bias, pads=pads, dilations=[1, dilation], group=weight.shape[0])
        z = graph.convolve(z, f"b{i}.wide", _numbers(block.wide.weight), _numbers(block.wide.bias))
        z = graph.add("Gelu", [z], f"b{i}.gelu", domain="com.microsoft")
        z = graph.convolve(z, f"b{i}.back", _numbers(block.back.weight), _numbers(block.back.bias))
        y = graph.add("Add", [y, z], f"b{i}")
    # The last normalisation comes before the class layer, so it folds forwards.
    mean, variance = _numbers(head.last.running_mean), _numbers(head.last.running_var)
    gain = _numbers(head.last.weight) / np.sqrt(variance + head.last.eps)
    shift = _numbers(head.last.bias) - mean * gain
    weight = _numbers(head.classes.weight)
    bias = _numbers(head.classes.bias) + (weight[:, :, 0, 0] * shift).sum(1)
    return graph.convolve(y, "classes", weight * gain[None, :, None, None], bias)


def write(checkpoint: Path, target: Path, temperature: float, calibration: list[list[float]]) -> None:
    """Export a checkpoint's averaged weights with its calibration."""
    model = Recogniser(cut(WORK / "backbone.onnx"))
    model.load_state_dict(torch.load(checkpoint, weights_only=True)["average"])
    model.eval()
    target.mkdir(parents=True, exist_ok=True)
    onnx.save(build(model, temperature), target / "line_reader.onnx")
    card = {"characters": charset(), "height": HEIGHT, "stride": STRIDE, "calibration": calibration}
    (target / "line_reader.json").write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", "utf-8")
    log.info("%s: %.1f MB", target / "line_reader.onnx", (target / "line_reader.onnx").stat().st_size / 1e6)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--target", type=Path, default=TARGET)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    write(options.checkpoint, options.target, 1.0, [[0.0, 1.0], [0.0, 1.0]])


if __name__ == "__main__":
    main()
