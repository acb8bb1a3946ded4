"""Train the ensemble: `python train.py --data data/hmda.csv --model model --seed 0`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from loans.features import Preprocessing, labels
from loans.model import Ensemble, Network, Settings, fit
from loans.predictor import Predictor

FOLDS = 5


def train(applications: pd.DataFrame, *, repeats: int, seed: int, settings: Settings) -> Predictor:
    """Cross-fit `repeats` times: a member learns on four folds, and stops early by the fifth."""
    torch.manual_seed(seed)
    preprocessing = Preprocessing.fit(applications)
    rows = torch.tensor(preprocessing.transform(applications))
    targets = torch.tensor(labels(applications))
    describe(rows, targets, repeats, settings)
    members: list[Network] = []
    left_out = torch.zeros_like(targets)
    for validation in folds(targets, repeats):
        network = Network(rows.shape[1], settings)
        result = fit(
            network,
            (rows[~validation], targets[~validation]),
            (rows[validation], targets[validation]),
            settings,
        )
        members.append(network)
        left_out[validation] += network.probability(rows[validation]) / repeats
        print(
            f"{len(members):>6}  {result.epochs:>6}  {result.best_epoch:>4}"
            f"  {result.train_loss:>10.4f}  {result.validation_loss:>15.4f}",
            flush=True,
        )
    # Probabilities are calibrated, so recommending from the base rate on gives the best balanced accuracy:
    # a wrong "yes" weighs against a wrong "no" as approved applications outnumber denied ones (7 to 1).
    threshold = float(targets.mean())
    conclude(left_out.numpy(), targets.numpy(), threshold)
    return Predictor(preprocessing, settings, Ensemble(members).eval(), threshold)


def folds(targets: Tensor, repeats: int) -> Iterator[Tensor]:
    """Masks of the validation rows, each with the same share of denied applications."""
    for _ in range(repeats):
        fold = torch.empty(len(targets), dtype=torch.long)
        for label in (0, 1):
            index = torch.nonzero(targets == label).flatten()
            fold[index[torch.randperm(len(index))]] = torch.arange(len(index)) % FOLDS
        for number in range(FOLDS):
            yield fold == number


def describe(rows: Tensor, targets: Tensor, repeats: int, settings: Settings) -> None:
    """Say what is trained on what."""
    layers = "-".join(str(size) for size in (rows.shape[1], *settings.hidden, 1))
    print(f"{len(rows):,} applications, {targets.mean():.1%} approved")
    print(f"{repeats * FOLDS} networks of {layers} units ({repeats} x {FOLDS}-fold cross-fitting)\n")
    print("member  epochs  best  train loss  validation loss", flush=True)


def conclude(probabilities: np.ndarray, targets: np.ndarray, threshold: float) -> None:
    """Say how good the members are on the rows that they did not learn from."""
    approved = targets == 1
    truth = np.where(approved, probabilities, 1 - probabilities)
    constant = np.where(approved, threshold, 1 - threshold)
    recommended = probabilities >= threshold
    print(
        f"\nlog loss on rows left out: {-np.log(truth).mean():.4f} (base rate {-np.log(constant).mean():.4f})"
    )
    print(
        f"recommended from a probability of {threshold:.3f} on: {recommended[approved].mean():.1%} of the "
        f"approved, {recommended[~approved].mean():.1%} of the denied applications"
    )


def main() -> None:
    """Train from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="CSV file of the training rows")
    parser.add_argument("--model", type=Path, required=True, help="folder that the model is stored in")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=3, help="of the cross-fitting (default: %(default)s)")
    arguments = parser.parse_args()
    torch.use_deterministic_algorithms(True)
    predictor = train(
        pd.read_csv(arguments.data), repeats=arguments.repeats, seed=arguments.seed, settings=Settings()
    )
    predictor.save(arguments.model)
    print(f"stored in {arguments.model}")


if __name__ == "__main__":
    main()
