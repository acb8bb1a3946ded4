"""One file a gate: its configuration, its judgement and its wording. ``registry`` lists them."""
