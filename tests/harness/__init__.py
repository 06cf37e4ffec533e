"""What the end-to-end tests share: a cluster, backends, clients, certificates, and the proxy under test."""
