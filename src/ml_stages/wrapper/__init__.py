"""What runs inside the project's own environment, beside the project's own pins.

It imports the standard library alone (and, to predict, the pandas that the project brought), so that
nothing of ours can collide with what the project pinned, and runs on any Python from 3.9.
"""
