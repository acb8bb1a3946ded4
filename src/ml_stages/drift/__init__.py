"""Drift: whether today's data and predictions are distributed like those that a model was published with."""
