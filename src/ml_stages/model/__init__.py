"""Models: how they are loaded, how they answer, and how they are packed for serving."""
