"""A server over a fake recorder."""

from __future__ import annotations

import pytest
from tests.control.fakes import FakeRecorder
from tests.control.obs.client import ObsClient

from onetake.control.controller import Controller
from onetake.control.guard import Secret
from onetake.control.obs.server import ObsServer

PASSWORD = "correct horse"


class Stage:
    """Server, recorder and clients of one test."""

    def __init__(self, folder, password=PASSWORD):
        self.recorder = FakeRecorder()
        self.controller = Controller(self.recorder, folder=folder)
        secret = Secret(password) if password else None
        self.password = password
        self.server = ObsServer(self.controller, 0, secret)
        self.server.start()
        self.clients = []

    def client(self, **options):
        options.setdefault("password", self.password)
        client = ObsClient(self.server.port, **options)
        self.clients.append(client)
        return client

    def close(self):
        for client in self.clients:
            client.close()
        self.server.stop()


@pytest.fixture
def stage(tmp_path):
    stage = Stage(tmp_path)
    yield stage
    stage.close()
