"""The audit: known vulnerabilities of the pins, insecure code and leaked secrets in the source."""
