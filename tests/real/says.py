"""What Transformers says: `says.py CHECKPOINT`, run by the interpreter that has vLLM; prints the tokens as JSON."""

import json
import sys

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from chatvlmllm.exchange import Task
from chatvlmllm.models import find
from tests.tiny.training import PAGES, page


def main(folder: str, tokens: int) -> None:
    processor = AutoProcessor.from_pretrained(folder)
    processor.image_processor.size = {"shortest_edge": 448 * 448, "longest_edge": 448 * 448}
    network = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    prompt = find("qwen_vl_2b").recipes[Task.TEXT].prompt
    content = [{"type": "image"}, {"type": "text", "text": prompt}]
    written = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    said = {}
    for name in PAGES:
        inputs = processor(text=[written], images=[page(name)], return_tensors="pt")
        with torch.inference_mode():
            out = network.generate(**inputs, do_sample=False, max_new_tokens=tokens)
        new = out[0, inputs["input_ids"].shape[1] :]
        said[name] = processor.tokenizer.decode(new, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], 64)
