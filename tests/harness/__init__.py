"""Shared by the end-to-end tests: a cluster, backends, clients, certificates, and the proxy under test."""
