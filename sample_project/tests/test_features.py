"""Applications become the numbers that the networks learn from."""

import json

import numpy as np
import pandas as pd
import pytest

from loans.features import CODES, FEATURES, FLAGS, NUMBERS, Preprocessing, labels


@pytest.fixture(scope="module")
def preprocessing(applications: pd.DataFrame) -> Preprocessing:
    return Preprocessing.fit(applications)


def test_protected_attributes_and_label_are_no_features() -> None:
    assert not {"single", "black", "approved", "application_id"} & set(FEATURES)


def test_each_row_becomes_finite_numbers(preprocessing: Preprocessing, applications: pd.DataFrame) -> None:
    matrix = preprocessing.transform(applications)
    assert matrix.shape == (len(applications), preprocessing.width)
    assert np.isfinite(matrix).all()


def test_numbers_are_standardised(preprocessing: Preprocessing, applications: pd.DataFrame) -> None:
    numbers = preprocessing.transform(applications)[:, : len(NUMBERS)]
    np.testing.assert_allclose(numbers.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(numbers.std(axis=0), 1, atol=1e-9)


def test_a_wild_ratio_counts_as_the_largest_usual_one(
    preprocessing: Preprocessing, applications: pd.DataFrame
) -> None:
    usual, wild = applications.head(1).copy(), applications.head(1).copy()
    usual["debt_to_income"] = preprocessing.scales["debt_to_income"].high
    wild["debt_to_income"] = 300.0
    np.testing.assert_array_equal(preprocessing.transform(usual), preprocessing.transform(wild))


def test_the_order_of_columns_is_free(preprocessing: Preprocessing, applications: pd.DataFrame) -> None:
    shuffled = applications[list(reversed(FEATURES))]
    np.testing.assert_array_equal(preprocessing.transform(shuffled), preprocessing.transform(applications))


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("missing", [None, np.nan, pd.NA], ids=["None", "nan", "NA"])
def test_a_missing_value_is_the_usual_one(
    preprocessing: Preprocessing, applications: pd.DataFrame, name: str, missing: object
) -> None:
    row = applications.head(1)
    if name in NUMBERS:
        usual = row.assign(**{name: applications[name].median()})
    else:
        usual = row.assign(**{name: applications[name].mode()[0]})
    lacking = row.assign(**{name: pd.Series([missing], dtype=object)})
    np.testing.assert_array_equal(preprocessing.transform(lacking), preprocessing.transform(usual))


def test_codes_may_come_as_floats(preprocessing: Preprocessing, applications: pd.DataFrame) -> None:
    floats = applications.astype(dict.fromkeys(CODES, float))
    np.testing.assert_array_equal(preprocessing.transform(floats), preprocessing.transform(applications))


@pytest.mark.parametrize(("name", "value"), [("self_employed", "perhaps"), ("consumer_credit_score", 7)])
def test_an_unknown_value_is_refused(
    preprocessing: Preprocessing, applications: pd.DataFrame, name: str, value: int | str
) -> None:
    with pytest.raises(ValueError, match=f"{name} holds {value!r}, expected one of"):
        preprocessing.transform(applications.assign(**{name: value}))


def test_a_missing_column_is_named(preprocessing: Preprocessing, applications: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="lack the columns loan_to_value"):
        preprocessing.transform(applications.drop(columns="loan_to_value"))


def test_it_survives_json(preprocessing: Preprocessing) -> None:
    assert Preprocessing.from_json(json.loads(json.dumps(preprocessing.to_json()))) == preprocessing


def test_labels(applications: pd.DataFrame) -> None:
    np.testing.assert_array_equal(labels(applications) == 1, applications["approved"] == "yes")


def test_a_constant_column_does_no_harm(applications: pd.DataFrame) -> None:
    constant = applications.assign(debt_to_income=0.3, **dict.fromkeys(FLAGS, "no"))
    assert np.isfinite(Preprocessing.fit(constant).transform(constant)).all()
