"""Takes the text detector out of the RapidOCR wheel and halves its file.

The network is PP-OCRv6 small (PaddleOCR, Apache-2.0), as converted to ONNX by RapidOCR (Apache-2.0). Its weights are
stored as 16-bit floats and widened again when ONNX Runtime folds the constants at load, so that it computes as before:
the probability maps of real pages differ by less than 0.01.

    pip install rapidocr==3.10.0 onnx
    python training/detector.py src/chatvlmllm/page/weights/detector.onnx
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

#: Smaller tensors (biases, shapes) stay as they are.
LARGE = 256


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph, its large float weights held as 16-bit floats behind a cast."""
    kept, casts = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < LARGE:
            kept.append(tensor)
            continue
        name = tensor.name + "_half"
        kept.append(numpy_helper.from_array(values.astype(np.float16), name))
        casts.append(helper.make_node("Cast", [name], [tensor.name], to=onnx.TensorProto.FLOAT))
    nodes = casts + list(model.graph.node)
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model


def main() -> None:
    spec = find_spec("rapidocr")
    if spec is None or spec.origin is None:
        sys.exit("pip install rapidocr==3.10.0")
    source = Path(spec.origin).parent / "models" / "PP-OCRv6_det_small.onnx"
    onnx.save(halved(onnx.load(source)), sys.argv[1])


if __name__ == "__main__":
    main()
