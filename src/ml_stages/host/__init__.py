"""The host runner: the table of stages in folders, processes and ``uv`` environments."""
