"""A byte-level BPE of 600 tokens, trained on a few Russian and English lines, with each family's special tokens."""

import json

CORPUS = (
    "Счёт № 17 от 21.11.2026. Итого к оплате: 1 234,50 руб.",
    "Акт сдачи-приёмки выполненных работ. Заказчик: ООО «Ромашка».",
    "Invoice total due, page one of two. Thank you for your business.",
    "Товарная накладная, паспорт, договор, приложение, подпись, печать, дата.",
)


def vocabulary(size: int = 600):
    """The vocabulary and merges of the trained tokenizer, and the tokenizer itself."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
    )
    stored = json.loads(made.to_str())["model"]
    merges = [tuple(merge) if isinstance(merge, list) else tuple(merge.split(" ")) for merge in stored["merges"]]
    return stored["vocab"], merges, made


def qwen(*more: str):
    """The Qwen family's class and special tokens."""
    from transformers import Qwen2Tokenizer

    vocab, merges, _ = vocabulary()
    special = [
        "<|im_start|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>", "<|box_start|>",
        "<|box_end|>", "<|object_ref_start|>", "<|object_ref_end|>", *more,
    ]  # fmt: skip
    made = Qwen2Tokenizer(
        vocab=vocab,
        merges=merges,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        unk_token="<|endoftext|>",
        additional_special_tokens=special,
    )
    made.model_max_length = 8192
    return made


def plain(eos: str, pad: str, *special: str, **named: str):
    """Any other family: the fast tokenizer with its special tokens; `named` are attributes such as `image_token`."""
    from transformers import PreTrainedTokenizerFast

    _, _, made = vocabulary()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token=eos,
        pad_token=pad,
        additional_special_tokens=list(special),
        **({"extra_special_tokens": named} if named else {}),
    )
    tokenizer.add_tokens(list(special), special_tokens=True)
    tokenizer.model_max_length = 8192
    return tokenizer


def size_of(tokenizer) -> int:
    """The vocabulary rounded up, as real checkpoints do."""
    return -(-len(tokenizer) // 64) * 64
