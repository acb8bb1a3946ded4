"""Recommends mortgage applications for approval."""
