"""One file a check: a pure function from the profile and the rules to findings. ``registry`` lists them."""
