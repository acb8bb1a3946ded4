"""The judgement core: metrics, paired comparisons and slices, each number with an honest interval.

``catalogue`` names every metric and is light enough for the configuration; ``metrics`` and ``paired``
say by which method each is estimated; ``evaluate`` is the stage. Everything else is pure functions
over arrays.
"""
