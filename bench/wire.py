"""How long a way really is: a byte there and back through one OpenSSH connection."""

from __future__ import annotations

import subprocess
import time
from statistics import median

from bench.errors import BenchError
from bench.hosts import Route

ECHOES = 20


def measured_round_trip(route: Route, least: float = 0) -> float:
    """Milliseconds for one line to a `cat` on the first host and back.

    :param least: what a proxy was told to add; less means that it does not.
    """
    with subprocess.Popen(
        [*route.openssh, "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as echo:
        if echo.stdin is None or echo.stdout is None:
            raise BenchError("pipes to ssh", "none")
        seconds = []
        for _ in range(ECHOES + 1):
            started = time.perf_counter()
            echo.stdin.write(b"x\n")
            echo.stdin.flush()
            if echo.stdout.readline() != b"x\n":
                raise BenchError("an echo over SSH", f"exit code {echo.wait()}")
            seconds.append(time.perf_counter() - started)
        echo.stdin.close()
    found = round(median(seconds[1:]) * 1000, 1)  # the first one waits for the connection
    if found < least:
        raise BenchError(f"a way of {least} ms there and back", f"{found} ms")
    return found
