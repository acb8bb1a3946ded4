"""``ml-pipeline init``: a first configuration, out of a project and its data."""
