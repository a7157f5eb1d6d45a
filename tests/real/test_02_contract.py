"""What the lab's double of Chatwoot is held to, asked of the real one, word for word."""

from tests.e2e.test_12_contract import *  # noqa: F403 - its tests and its fixtures
