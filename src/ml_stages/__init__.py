"""What an ML pipeline runs: configuration, stages, checks, metrics, gates, serving and reports.

Nothing in this package imports ``dagger``; the modules that decide *what* runs import only the
standard library, pydantic and anyio. See ``docs/architecture.md``.
"""
