"""What follows from the server's memory beside the services' limits, which each declares itself.

The limits of a `4gb` server add up to 3.4 GB or less with every service on and one of the
one-shots, which run beside the rest but never at once; a test holds the sum. Chatwoot's processes
idle at 300-350 MB each, n8n at 430 MB with its task runner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class PostgresqlSize:
    """PostgreSQL's memory settings, in its own notation, and its connection limit.

    Every Rails process holds up to 5 (web) or 10 (worker) connections, Evolution 10, n8n 1.
    """

    shared_buffers: str
    effective_cache_size: str
    work_mem: str
    maintenance_work_mem: str
    max_connections: int


@dataclass(frozen=True)
class Size:
    """One row: the least host memory in bytes, and what follows from it."""

    host_memory: int
    postgresql: PostgresqlSize
    redis_maxmemory: str
    web_threads: int
    worker_concurrency: int


SIZES: Mapping[str, Size] = {
    "4gb": Size(
        host_memory=3600 * MEGABYTE,  # a cloud's "4 GB" is what the kernel leaves of 4096 MB
        postgresql=PostgresqlSize("112MB", "256MB", "4MB", "32MB", 60),
        redis_maxmemory="64mb",
        web_threads=5,
        worker_concurrency=5,
    ),
    "8gb": Size(
        host_memory=7400 * MEGABYTE,
        postgresql=PostgresqlSize("384MB", "1GB", "8MB", "96MB", 80),
        redis_maxmemory="192mb",
        web_threads=5,
        worker_concurrency=10,
    ),
    "16gb": Size(
        host_memory=15000 * MEGABYTE,
        postgresql=PostgresqlSize("1GB", "3GB", "16MB", "256MB", 120),
        redis_maxmemory="384mb",
        web_threads=10,
        worker_concurrency=20,
    ),
}
