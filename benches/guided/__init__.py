"""flow-proxy, built with a profile of a load on it (profile-guided optimisation)."""
