"""The data side: reading, profile, validation, split, and the frames that predictors are given."""
