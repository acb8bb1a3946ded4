"""The Dagger module."""
