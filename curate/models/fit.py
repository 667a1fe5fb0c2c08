"""The line network in torch, and how it is trained. `curate.models.network` runs what comes out of this in numpy.

The loss is cross-entropy over lines, weighted by the root of their words, plus half of one minus the page's soft F1
over words, the figure that counts. Noise on the features, features missing for a whole page and unknown site templates
keep the network from leaning on any one of them. What is kept is the mean of the weights over the last hundred steps or
so (after Izmailov et al. 2018, with exponential decay).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import swa_utils

from curate.models.lines import Floats, Ints
from curate.models.network import DILATIONS, MAX_WEIGHT, POOLED

CHANNELS = 56
AVERAGED = 0.99
"""Decay, per step, of the mean of weights."""
BATCH_PAGES = 24
CROP = 320
"""Lines of a page seen at a time."""
_SHAPE = 32
"""Batches are padded to a multiple of so many lines: each new shape costs torch a new kernel."""


@dataclass(frozen=True)
class Inputs:
    """Pages to learn from: page `i` is lines `bounds[i]` to `bounds[i + 1]`."""

    values: Floats  # [lines, columns]
    bounds: Ints
    tokens: Ints
    labels: Floats  # 1 keep, 0 drop
    weights: Floats  # 0 where not known
    scored: Floats  # [pages]: 1 where all lines are known, so that the soft F1 counts


class Network(nn.Module):  # type: ignore[misc]
    """`curate.models.network.run`, with dropout."""

    def __init__(self, columns: int, size: int) -> None:
        super().__init__()
        self.inp = nn.Linear(columns, size)
        self.conv = nn.ModuleList(nn.Conv2d(size, size, (1, 3), padding=(0, d), dilation=(1, d)) for d in DILATIONS)
        self.mix = nn.ModuleList(nn.Linear(size, size) for _ in DILATIONS)
        self.pool = nn.ModuleList(nn.Linear(2 * size, size) for _ in POOLED)
        self.keep = nn.Linear(size, 1)
        self.out = nn.Linear(size, 1)
        self.dropout = nn.Dropout2d(0.15)
        for layer in self.mix:
            nn.init.normal_(layer.weight, std=0.05)
            nn.init.zeros_(layer.bias)

    def forward(self, values: Tensor, mask: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
        """Log-odds of lines, [pages, lines], at the end and before the first pooling."""
        there = mask.unsqueeze(2)
        x = torch.relu(self.inp(values)) * there
        first = None
        for i, (conv, mix) in enumerate(zip(self.conv, self.mix, strict=True)):
            # [pages, lines, channels] is seen as an image of one row, channels last: twice as fast as Conv1d
            hidden = self.dropout(torch.relu(conv(x.unsqueeze(1).permute(0, 3, 1, 2))))
            x = (x + mix(hidden.permute(0, 2, 3, 1).squeeze(1))) * there
            if i in POOLED:
                kept = self.keep(x).squeeze(-1)
                first = kept if first is None else first
                x = self._pooled(x, kept, mask, words, POOLED.index(i))
        assert first is not None
        return self.out(x).squeeze(-1), first

    def _pooled(self, x: Tensor, kept: Tensor, mask: Tensor, words: Tensor, i: int) -> Tensor:
        share = torch.sigmoid(kept) * words
        body = (x * share.unsqueeze(2)).sum(1) / (share.sum(1, keepdim=True) + 1)
        mean = x.sum(1) / mask.sum(1, keepdim=True)
        whole = self.pool[i](torch.cat([body, mean], 1))
        return torch.relu(x + whole.unsqueeze(1)) * mask.unsqueeze(2)

    def export(self) -> dict[str, Floats]:
        """The weights under the names of `network.run`."""
        state = {name: value.numpy() for name, value in self.state_dict().items()}
        out: dict[str, Floats] = {}
        for name in ("inp", "pool.0", "pool.1"):
            out |= {
                name.replace(".", ""): state[f"{name}.weight"].T,
                name.replace(".", "") + ".b": state[f"{name}.bias"],
            }
        for name in ("keep", "out"):
            out |= {name: state[f"{name}.weight"][0], f"{name}.b": state[f"{name}.bias"]}
        for i in range(len(DILATIONS)):
            conv = state[f"conv.{i}.weight"][:, :, 0].transpose(2, 1, 0)
            out |= {f"conv{i}": conv, f"conv{i}.b": state[f"conv.{i}.bias"]}
            out |= {f"mix{i}": state[f"mix.{i}.weight"].T, f"mix{i}.b": state[f"mix.{i}.bias"]}
        return out


def train(
    inputs: Inputs,
    pages: Ints,
    steps: int,
    often_missing: Sequence[int],
    templates: Sequence[int],
    seed: int = 0,
    channels: int = CHANNELS,
) -> Iterator[tuple[int, float, Network]]:
    """Train on some pages; yields (step, mean loss, network) every 100 steps and at the end.

    `often_missing` are columns a page may lack altogether (blank lines, repeats), `templates` those of the site, which
    is not known for half of the pages. One thread and a seed: the same inputs give the same weights.
    """
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = Network(inputs.values.shape[1], channels)
    averaged = swa_utils.AveragedModel(network, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(AVERAGED))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, betas=(0.9, 0.98), weight_decay=0.01)
    losses = []
    order = _batches(inputs, pages, rng)
    for step in range(steps):
        rate = 3e-3 * min(1, step / 60) * (0.5 * (1 + math.cos(math.pi * step / steps)) + 0.02)
        for group in optimizer.param_groups:
            group["lr"] = rate
        values, *rest = _gather(inputs, next(order), rng)
        with torch.autocast("cpu", torch.bfloat16):
            loss = _loss(network, _disturbed(values, often_missing, templates, rng), *rest)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        averaged.update_parameters(network)
        losses.append(loss.item())
        if step % 100 == 99 or step == steps - 1:
            yield step + 1, float(np.mean(losses[-100:])), averaged.module


def _batches(inputs: Inputs, pages: Ints, rng: np.random.Generator) -> Iterator[Ints]:
    """Pages of about the same length together, for ever."""
    sizes = np.minimum(np.diff(inputs.bounds)[pages], CROP)
    while True:
        order = pages[np.argsort(sizes * np.exp(rng.normal(0, 0.1, len(pages))))]
        groups = [order[i : i + BATCH_PAGES] for i in range(0, len(order), BATCH_PAGES)]
        yield from (groups[i] for i in rng.permutation(len(groups)))


def _gather(inputs: Inputs, pages: Ints, rng: np.random.Generator) -> list[Tensor]:
    """values, mask, words, labels, weights, scored of a batch, padded beyond its longest page."""
    spans = [_crop(inputs.bounds[i], inputs.bounds[i + 1], rng) for i in pages]
    longest = max(end - start for start, end in spans)
    shape = (len(pages), longest + -longest % _SHAPE)
    values = np.zeros((*shape, inputs.values.shape[1]), np.float32)
    mask, words, labels, weights = (np.zeros(shape, np.float32) for _ in range(4))
    for j, (start, end) in enumerate(spans):
        size = end - start
        values[j, :size] = inputs.values[start:end]
        mask[j, :size] = 1
        words[j, :size] = np.minimum(inputs.tokens[start:end], MAX_WEIGHT)
        labels[j, :size] = inputs.labels[start:end]
        weights[j, :size] = inputs.weights[start:end]
    return [torch.from_numpy(a) for a in (values, mask, words, labels, weights, inputs.scored[pages])]


def _crop(start: int, end: int, rng: np.random.Generator) -> tuple[int, int]:
    if end - start <= CROP:
        return start, end
    start += int(rng.integers(0, end - start - CROP + 1))
    return start, start + CROP


def _disturbed(
    values: Tensor, often_missing: Sequence[int], templates: Sequence[int], rng: np.random.Generator
) -> Tensor:
    """Noise, and what is missing for a whole page."""
    pages, _, columns = values.shape
    there = rng.random((pages, 1, columns)) > 0.06
    there[:, :, often_missing] &= rng.random((pages, 1, 1)) > 0.3
    there[:, :, templates] = rng.random((pages, 1, 1)) > 0.5
    noise = np.full(columns, 0.1, np.float32)
    noise[list(templates)] = 0
    return (values + torch.randn_like(values) * torch.from_numpy(noise)) * torch.from_numpy(there)


def _loss(
    network: Network, values: Tensor, mask: Tensor, words: Tensor, labels: Tensor, weights: Tensor, scored: Tensor
) -> Tensor:
    last, first = network(values, mask, words)
    share = weights / weights.sum().clamp(min=1)
    entropy = [
        (nn.functional.binary_cross_entropy_with_logits(odds, labels, reduction="none") * share).sum()
        for odds in (last, first)
    ]
    chance = torch.sigmoid(last) * words
    gold = (labels * words).sum(1)
    f1 = 2 * (chance * labels).sum(1) / (chance.sum(1) + gold + 1)
    counted = scored * (gold > 0)
    missed = ((1 - f1) * counted).sum() / counted.sum().clamp(min=1)
    total: Tensor = entropy[0] + 0.3 * entropy[1] + 0.5 * missed
    return total
