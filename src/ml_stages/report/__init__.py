"""What people and tools read of a run, all rendered from the verdict and the stages' reports."""
