"""The sealed holdout: how large it has to be, what it was asked, and the one bit that it answers."""
