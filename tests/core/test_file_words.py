"""The words in a safetensors file's head, read by safetensors itself."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load, save

from core.file_words import in_order, metadata

WORDS = {"b": 'ü\n"\\/ ☃', "a": "1", "c": "", "d": "\x01"}
TENSORS = {"x": torch.arange(3.0), "one/y": torch.zeros(2, 2, dtype=torch.float64)}


def test_words_in_order_are_the_same_words(tmp_path: Path):
    blocks = {in_order(save(TENSORS, metadata=WORDS)) for _ in range(20)}
    assert len(blocks) == 1
    block = blocks.pop()
    assert list(metadata(block)) == sorted(WORDS)
    (tmp_path / "file").write_bytes(block)
    with safe_open(tmp_path / "file", "pt") as file:
        assert file.metadata() == WORDS
    loaded = load(block)
    assert all(torch.equal(loaded[name], value) for name, value in TENSORS.items())
    assert int.from_bytes(block[:8], "little") % 8 == 0, "tensors begin at a multiple of eight bytes, as safetensors writes them"
