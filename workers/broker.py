"""Whether the broker answers."""

from kombu.connection import Connection
from kombu.exceptions import OperationalError


def reachable(url: str) -> bool:
    """Say whether a broker can be reached within a few seconds.

    Parameters
    ----------
    url : str
        As Celery takes it.
    """
    options = {"socket_timeout": 5, "socket_connect_timeout": 5}
    try:
        with Connection(url, transport_options=options) as connection:
            connection.ensure_connection(max_retries=1, timeout=5)
    except OperationalError:
        return False
    return True
