"""The configuration: ``[tool.ml-pipeline]`` in ``pyproject.toml``, or ``ml-pipeline.toml``.

``sections`` and ``data`` hold the models, ``config`` puts them together with the gates, ``load``
reads files and profiles. A stage imports only the section that it needs, so that an edit elsewhere
does not run it again.
"""
