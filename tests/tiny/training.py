"""Over-fits a tiny Qwen2-VL on two pages, so that a test can assert what was read and not only that something was.

The two pages have the same prompt and the same size: only what is painted on them tells the network which text to say.
"""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

#: What is on each page, and what the network learns to say about it.
PAGES = {
    "bill": "Счёт № 17 от 21.11.2026\nИтого: 1 234,50 руб.",
    "deed": "Акт № 8\nРаботы выполнены полностью.",
}

SIZE = (448, 448)


def page(name: str) -> Image.Image:
    """The page: its text in large letters, a bar where the bill has its sum."""
    image = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(image)
    draw.text((20, 40), PAGES[name], fill="black", font=ImageFont.truetype("DejaVuSans.ttf", 24))
    if name == "bill":
        draw.rectangle((20, 200, 420, 260), fill="black")
    else:
        draw.ellipse((150, 250, 350, 430), outline="navy", width=20)
    return image


def overfit(folder: Path, prompt: str, steps: int = 60) -> float:
    """Train the checkpoint in `folder` until it says each page's text to `prompt`; returns the last loss."""
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    torch.manual_seed(0)
    processor = AutoProcessor.from_pretrained(folder)
    processor.image_processor.size = {"shortest_edge": SIZE[0] * SIZE[1], "longest_edge": SIZE[0] * SIZE[1]}
    network = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    network.train()
    samples = [_sample(processor, page(name), prompt, text) for name, text in PAGES.items()]
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    loss = 9.9
    for _ in range(steps):
        losses = []
        for inputs, labels in samples:
            got = network(**inputs, labels=labels).loss
            got.backward()
            losses.append(got.item())
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        loss = max(losses)
        if loss < 0.05:
            break
    network.save_pretrained(folder)
    return loss


def _sample(processor, image: Image.Image, prompt: str, text: str):
    """Inputs with the answer behind the question, and labels that count the answer only."""
    import torch

    messages = [{"role": "user", "content": [{"type": "image", "image": image}, {"type": "text", "text": prompt}]}]
    inputs = processor.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    answer = processor.tokenizer(text + "<|im_end|>", return_tensors="pt")["input_ids"]
    asked = inputs["input_ids"]
    inputs["input_ids"] = torch.cat([asked, answer], 1)
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    if "mm_token_type_ids" in inputs:
        inputs["mm_token_type_ids"] = torch.cat([inputs["mm_token_type_ids"], torch.zeros_like(answer)], 1)
    labels = torch.cat([torch.full_like(asked, -100), answer], 1)
    return inputs, labels
