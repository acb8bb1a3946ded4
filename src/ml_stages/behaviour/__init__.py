"""How the model behaves on rows that are not in the holdout: changed ones, and ones that it was trained on.

``perturb`` makes the rows, the project's predictor answers them in a process of its own, and ``measure``
counts what the gates want to know.
"""
