"""A TCP proxy that makes the way to a host longer and counts what passes, in a process of its own.

Usage: python -m bench.proxy PORT DELAY-MS     to 127.0.0.1:PORT, the delay each way
Prints its own port. When its stdin ends it prints one JSON object: connections and bytes each way.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
from types import TracebackType

from bench.errors import BenchError

CHUNK = 65536


class Relay:
    """The proxy: one pair of copiers a connection."""

    def __init__(self, port: int, delay: float) -> None:
        self.port = port
        self.delay = delay
        self.open: set[asyncio.Task[None]] = set()
        self.totals = {"connections": 0, "bytes_to_host": 0, "bytes_from_host": 0}

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end, or to the proxy's."""
        self.totals["connections"] += 1
        self.open.add(connection := asyncio.create_task(self._carry(reader, writer)))
        with contextlib.suppress(asyncio.CancelledError):
            await connection
        self.open.discard(connection)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * self.delay)  # TCP's own handshake
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.port)
        for stream in (writer, far_writer):
            stream.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.gather(
            self._copy(reader, far_writer, "bytes_to_host"),
            self._copy(far_reader, writer, "bytes_from_host"),
        )

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counter: str
    ) -> None:
        """Deliver each piece `delay` after it came; pieces travel side by side, as on a wire."""
        clock = asyncio.get_running_loop()
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                due, data = await on_the_way.get()
                await asyncio.sleep(max(0.0, due - clock.time()))
                if not data:
                    writer.close()
                    return
                writer.write(data)

        delivery = asyncio.create_task(deliver())
        data = b"-"
        while data:
            try:
                data = await reader.read(CHUNK)
            except ConnectionError:
                data = b""
            self.totals[counter] += len(data)
            on_the_way.put_nowait((clock.time() + self.delay, data))
        await delivery


async def serve(port: int, delay: float) -> None:
    """Serve until stdin ends, that is, until whoever started this is done or dead."""
    relay = Relay(port, delay)
    server = await asyncio.start_server(relay.accept, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    if relay.open:  # what was on the way when the client closed still arrives, and is counted
        await asyncio.wait(relay.open, timeout=2)
    print(json.dumps(relay.totals), flush=True)
    server.close()


class Proxy:
    """A running proxy in front of a port; `totals` are there when it has been left."""

    def __init__(self, port: int, round_trip_ms: float) -> None:
        self._command = [sys.executable, "-m", "bench.proxy", str(port), str(round_trip_ms / 2)]
        self.totals: dict[str, int] = {}

    def __enter__(self) -> Proxy:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        if self._process.stdout is None:
            raise BenchError("the proxy's stdout", "none")
        port = self._process.stdout.readline()
        if not port.strip().isdigit():
            raise BenchError("the proxy's port", f"exit code {self._process.wait()}")
        self.port = int(port)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        out, _ = self._process.communicate()
        if kind is None:
            self.totals = json.loads(out)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))
