"""The server of a bundle, and the probe that asks it.

The server runs in the project's interpreter: the standard library, uvicorn, and the project's own
pandas. It is plain ASGI without a framework, since a project may have pinned any version of one.
"""
