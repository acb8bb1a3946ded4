"""What the probe is made of: a client, the checks, and the requests that must be refused."""
