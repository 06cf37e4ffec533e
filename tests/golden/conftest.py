"""The backend of the recorded answers."""

import pytest
from harness import recording_backend


@pytest.fixture(scope="session")
def recording_backend_port():
    server = recording_backend.start("10.99.0.1", 9000)
    yield 9000
    server.shutdown()
