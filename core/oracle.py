"""The oracle: the same network in plain PyTorch, as anybody would write it, differentiated by autograd.

The engine takes nothing from here: this is what it is checked against, in the tests and in `core.proof`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.balanced import Balanced
from core.model import SequenceModel
from core.tasks import Batch
from core.transformer import Transformer


def attend(weights: Mapping[str, Tensor], heads: int, asking: Tensor, states: Tensor, keys: Tensor | None = None) -> Tensor:
    """What the last states read: asking (T, B, H) of states (S, B, H).

    weights: by the names of `core.attention`.   keys: the same states as they are attended to, where these are another leaf.
    """
    hidden, past = states.shape[-1], len(states) - len(asking)
    states = states if keys is None else keys
    in_weight, in_bias = weights["attention.in_proj_weight"].split(hidden), weights["attention.in_proj_bias"].split(hidden)
    q, k, v = (
        functional.linear(part, w, b).unflatten(-1, (heads, -1)).permute(1, 2, 0, 3)
        for part, w, b in zip((asking, states, states), in_weight, in_bias, strict=True)
    )
    allowed = torch.ones(len(asking), len(states), dtype=torch.bool).tril(past)
    if "attention.score" in weights:
        tanh = torch.tanh(q.unsqueeze(3) + k.unsqueeze(2))
        scores = (tanh * weights["attention.score"][:, None, None]).sum(-1)
        context = torch.softmax(scores.masked_fill(~allowed, -torch.inf), -1) @ v
    else:
        context = functional.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
    out = functional.linear(
        context.permute(2, 0, 1, 3).flatten(-2), weights["attention.out_proj.weight"], weights["attention.out_proj.bias"]
    )
    return asking + out


def loss(outputs: Tensor, batch: Batch) -> Tensor:
    """L of outputs (T, B, O): the mean over the steps that have a loss, of the cross-entropy or of the squared error."""
    counted = batch.with_loss
    if batch.targets.is_floating_point():
        return (outputs - batch.targets)[counted].square().sum(-1).mean()
    return functional.cross_entropy(outputs[counted], batch.targets[counted])


class Twin(nn.Module):
    """A network of `torch.nn` modules with the weights of a model, copied, under the names that torch gives them."""

    def __init__(self, model: SequenceModel) -> None:
        super().__init__()
        weights = model.weights
        self.embedding = _embedding(weights["embedding.weight"]) if "embedding.weight" in weights else None
        self.body = _body(model)
        self.readout = _linear(weights, "readout") if "readout.weight" in weights else nn.Identity()

    def forward(self, inputs: Tensor) -> Tensor:
        """What is read, (T, B) tokens or (T, B, I) numbers -> outputs, (T, B, O)."""
        out: Tensor = self.readout(self.body(inputs if self.embedding is None else self.embedding(inputs)))
        return out

    def loss(self, batch: Batch) -> Tensor:
        """L."""
        return loss(self(batch.inputs), batch)

    def gradient(self, batch: Batch) -> tuple[float, dict[str, Tensor]]:
        """L, and dL/dw of every weight by the name that it has in the model: full BPTT, by autograd."""
        self.zero_grad()
        with torch.enable_grad():
            value = self.loss(batch)
            value.backward()
        found = {_ours(name): torch.zeros_like(w) if w.grad is None else w.grad.clone() for name, w in self.named_parameters()}
        return value.item(), found


def _body(model: SequenceModel) -> nn.Module:
    """What stands between embedding and readout."""
    if isinstance(model, Balanced):
        return _Balanced(model)
    return _Block(model) if isinstance(model, Transformer) else _Recurrent(model)


class _Recurrent(nn.Module):
    """Stacked cells, perhaps with attention: (T, B, I) -> what the readout reads, (T, B, H)."""

    def __init__(self, model: SequenceModel) -> None:
        super().__init__()
        self.rnn = model.to_torch()
        own = {name.replace(".", "_"): value for name, value in model.weights.items() if name.startswith("attention.")}
        self.attention = nn.ParameterDict({name: value.clone() for name, value in own.items()})
        self._names = {name: name.replace("attention_", "attention.").replace("out_proj_", "out_proj.") for name in own}
        self._heads = model.attention.heads if model.attention else 0

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.rnn(x)[0]
        if not self._heads:
            return h
        return attend({self._names[name]: value for name, value in self.attention.items()}, self._heads, h, h)


class _Block(nn.Module):
    """Torch's own transformer layer behind a projection and learned positions."""

    def __init__(self, model: Transformer) -> None:
        super().__init__()
        weights, hidden = model.weights, model.hidden
        heads = model.attention.heads if model.attention else 1
        self.input = _linear(weights, "input")
        self.position = _embedding(weights["position.weight"])
        self.layer = nn.TransformerEncoderLayer(hidden, heads, 4 * hidden, dropout=0.0, norm_first=True, dtype=model.flat.dtype)
        theirs = {name: name.replace("attention.", "self_attn.").removeprefix("block.") for name in weights}
        self.layer.load_state_dict({theirs[name]: w for name, w in weights.items() if name.startswith(("attention.", "block."))})

    def forward(self, x: Tensor) -> Tensor:
        x = self.input(x) + self.position.weight[: len(x), None]
        out: Tensor = self.layer(x, src_mask=torch.ones(len(x), len(x), dtype=torch.bool).triu(1))
        return out


class _Balanced(nn.Module):
    """Linear units whose weights are given: (T, B, 1) -> the first unit, (T, B, 1)."""

    def __init__(self, model: Balanced) -> None:
        super().__init__()
        self.theta = nn.Parameter(model.weights["theta"].clone())
        self._across, self._feed = model.layers[0].weight_hh.clone(), model.feed[:, 0].clone()

    def forward(self, x: Tensor) -> Tensor:
        h, first = x.new_zeros(x.shape[1], len(self._feed)), []
        for read in x:
            h = h @ self._across.T + self.theta * read * self._feed
            first.append(h[:, :1])
        return torch.stack(first)


def _ours(name: str) -> str:
    """The model's name of a parameter of the twin."""
    if name.startswith("body.layer."):
        inner = name.removeprefix("body.layer.")
        return inner.replace("self_attn.", "attention.") if inner.startswith("self_attn.") else f"block.{inner}"
    inner = name.removeprefix("body.")
    return inner.replace("attention.attention_", "attention.").replace("out_proj_", "out_proj.")


def _embedding(weight: Tensor) -> nn.Embedding:
    found: nn.Embedding = nn.Embedding.from_pretrained(weight.clone(), freeze=False)
    return found


def _linear(weights: Mapping[str, Tensor], name: str) -> nn.Linear:
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    found = nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
    found.load_state_dict({"weight": weight, "bias": bias})
    return found
