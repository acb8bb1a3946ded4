"""Made-up applications, so that the tests need no data file."""

import numpy as np
import pandas as pd
import pytest


@pytest.fixture(scope="session")
def applications() -> pd.DataFrame:
    """Three hundred applications; those with high debts and a bad record are mostly denied."""
    draw = np.random.default_rng(7)
    rows = 300
    debts = draw.normal(0.33, 0.1, rows).clip(0.05)
    bad_record = draw.random(rows) < 0.1
    denied = draw.random(rows) < 1 / (1 + np.exp(-(-3 + 12 * (debts - 0.33) + 3 * bad_record)))

    def flag(values: np.ndarray) -> np.ndarray:
        return np.where(values, "yes", "no")

    return pd.DataFrame(
        {
            "application_id": np.arange(1, rows + 1),
            "debt_to_income": debts,
            "housing_to_income": debts * 0.8,
            "loan_to_value": draw.uniform(0.4, 1.1, rows),
            "consumer_credit_score": draw.integers(1, 7, rows),
            "mortgage_credit_score": draw.integers(1, 5, rows),
            "industry_unemployment": draw.choice([1.8, 3.2, 3.9, 10.6], rows),
            "public_bad_record": flag(bad_record),
            "insurance_denied": flag(draw.random(rows) < 0.02),
            "self_employed": flag(draw.random(rows) < 0.12),
            "condominium": flag(draw.random(rows) < 0.3),
            "single": flag(draw.random(rows) < 0.4),
            "black": flag(draw.random(rows) < 0.14),
            "approved": flag(~denied),
        }
    )
