"""The cost of certificates for thousands of hosts."""
