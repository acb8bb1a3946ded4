"""The model: an ensemble of small neural networks, each trained on four fifths of the rows."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

# The matrices are too small to share out: threads would mostly wait for each other, for seconds on a busy
# machine, and sums would depend on the number of cores.
torch.set_num_threads(1)


@dataclass(frozen=True)
class Settings:
    """How one network is built and trained."""

    hidden: tuple[int, ...] = (32, 16)
    dropout: float = 0.3
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    batch: int = 128
    epochs: int = 200
    patience: int = 20

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Settings:
        """Back from JSON values."""
        return cls(**{**values, "hidden": tuple(values["hidden"])})


@dataclass(frozen=True)
class Fit:
    """How the training of one network went."""

    epochs: int
    best_epoch: int
    train_loss: float
    validation_loss: float


class Network(nn.Sequential):
    """One member: features in, log-odds of approval out, in double precision.

    Double precision costs nothing at this size, and makes a row's answer independent of its batch.
    """

    def __init__(self, width: int, settings: Settings) -> None:
        layers: list[nn.Module] = []
        for size in settings.hidden:
            layers += [nn.Linear(width, size), nn.SiLU(), nn.Dropout(settings.dropout)]
            width = size
        super().__init__(*layers, nn.Linear(width, 1), nn.Flatten(0))
        self.double()

    def probability(self, rows: Tensor) -> Tensor:
        """Probability of approval of each row, without dropout."""
        self.eval()
        with torch.inference_mode():
            return torch.sigmoid(self(rows))


class Ensemble(nn.Module):
    """The mean of its members' probabilities."""

    def __init__(self, members: list[Network]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, rows: Tensor) -> Tensor:
        """Probability of approval of each row."""
        return torch.stack([torch.sigmoid(member(rows)) for member in self.members]).mean(dim=0)


def fit(
    network: Network, train: tuple[Tensor, Tensor], validation: tuple[Tensor, Tensor], settings: Settings
) -> Fit:
    """Train until the loss on the validation rows stops falling, and keep the best weights."""
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    best = Fit(0, 0, float("inf"), float("inf"))
    weights = copy.deepcopy(network.state_dict())
    epoch = 0
    while epoch < settings.epochs and epoch - best.best_epoch < settings.patience:
        epoch += 1
        train_loss = _train_epoch(network, optimizer, *train, settings.batch)
        loss = evaluate(network, *validation)
        if loss < best.validation_loss:
            best = Fit(epoch, epoch, train_loss, loss)
            weights = copy.deepcopy(network.state_dict())
    network.load_state_dict(weights)
    return Fit(epoch, best.best_epoch, best.train_loss, best.validation_loss)


def evaluate(network: Network, rows: Tensor, targets: Tensor) -> float:
    """Mean log loss on the rows."""
    network.eval()
    with torch.inference_mode():
        return float(nn.functional.binary_cross_entropy_with_logits(network(rows), targets))


def _train_epoch(
    network: Network, optimizer: torch.optim.Optimizer, rows: Tensor, targets: Tensor, batch: int
) -> float:
    network.train()
    total = 0.0
    for index in torch.randperm(len(rows)).split(batch):
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(network(rows[index]), targets[index])
        loss.backward()
        optimizer.step()
        total += float(loss.detach()) * len(index)
    return total / len(rows)
