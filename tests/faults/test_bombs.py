"""An answer that grows where it is read: memory stays bounded by what a page may hold, in a process of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from medallion.settings import PROJECT_ROOT
from tests.faults.conftest import Injection
from tests.raw_source import HEADER, RawSource, raw_source, request_of

MB = 1_000_000
MOST_BYTES = 20 * MB
BOMB_MB = 200

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")

# Says what came of it and by how much the process grew. ru_maxrss would be that of its parent before the fork.
CHILD = """
import json, sys
from pathlib import Path
import ingestion.api.client
from ingestion.api.pages import decode_page
from medallion.settings import Settings
from medallion.errors import RetailError

def peak():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))

before, came = peak(), "whole"
try:
    if sys.argv[1] == "page":
        came = f"{len(decode_page(Path(sys.argv[2]).read_bytes()).items)} records"
    else:
        ingestion.api.client.MAX_PAGE_BYTES = int(sys.argv[3])
        settings = Settings(source_api_url=sys.argv[2], source_api_key="k", source_retry_attempts=1)
        with ingestion.api.client.SourceClient(settings) as client:
            client.page("sales", None)
except (RetailError, ValueError) as error:
    came = f"{type(error).__name__}: {error}"
print(json.dumps({"grew": peak() - before, "came": came}))
"""


def in_a_process(*arguments: str) -> tuple[int, str]:
    """By how many bytes it grew, and what came of it."""
    environment = os.environ | {"PYTHONPATH": str(PROJECT_ROOT)}
    command = [sys.executable, "-c", CHILD, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    return told["grew"], told["came"]


def spaces() -> Iterator[bytes]:
    """A gzip stream of BOMB_MB of spaces; a megabyte of them takes a thousand bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    for _ in range(BOMB_MB):
        yield packer.compress(b" " * MB)
    yield packer.flush()


def packed(times: int) -> bytes:
    content = b"".join(spaces())
    for _ in range(times - 1):
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        content = packer.compress(content) + packer.flush()
    return content


@pytest.mark.parametrize(
    ("encoding", "times", "said"),
    [
        ("gzip", 1, "larger than 20,000,000 bytes"),
        ("gzip, gzip", 2, "content encoding 'gzip, gzip'"),
        ("gzip,gzip,gzip", 3, "content encoding 'gzip,gzip,gzip'"),
    ],
)
def test_a_bomb_is_refused_in_the_memory_of_a_page(encoding: str, times: int, said: str, injected: Injection) -> None:
    content = packed(times)

    def serve(_source: RawSource, connection: socket.socket, _number: int) -> None:
        request_of(connection)
        header = f"Content-Encoding: {encoding}\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        connection.sendall(HEADER + header + content)

    with raw_source(serve) as source:
        grew, came = in_a_process("answer", source.url, str(MOST_BYTES))
        injected(happened=source.connections == 1)
    assert came.startswith("SourceViolation")
    assert said in came
    assert grew < 2 * MOST_BYTES + 20 * MB


def page(items: bytes, count: int) -> bytes:
    return b'{"items":[%s],"count":%d,"has_more":false,"next_cursor":"1"}' % (items, count)


MANY = 5_000_000
PAGES: dict[str, tuple[bytes, str]] = {
    "an odd record with very many lists": (
        page(b'{"a":"\\ud800","b":[' + b"[]," * MANY + b"[]]}", 1),
        "1 records",
    ),
    "an odd record with very many texts": (page(b'{"a":"\\ud800","b":[' + b'"",' * MANY + b'""]}', 1), "1 records"),
    "a text of escapes": (page(b'{"a":"\\ud800' + b'\\"' * MANY + b'"}', 1), "1 records"),
    "halves of surrogate pairs": (page(b'{"a":"' + b"\\ud800" * (MANY // 2) + b'"}', 1), "1 records"),
    "very many records": (page(b"[]," * MANY + b"[]", MANY + 1), "ValueError: more than the 100,000 records"),
    "very many records, one odd": (page(b"NaN," + b"[]," * MANY + b"[]", MANY + 2), "ValueError: more than"),
    "deeper than any parser": (page(b'{"a":' + b"[" * MANY + b"]" * MANY + b"}", 1), "1 records"),
    "brackets without end": (page(b"[" * 3 * MANY, 1), "ValueError: not JSON"),
    "very many members around them": (
        b'{"more":[' + b"[]," * MANY + b'[]],"x":NaN,' + page(b"", 0)[1:],
        "ValueError: not a page",
    ),
}


@pytest.mark.parametrize("shape", PAGES)
def test_a_page_of_any_shape_takes_a_few_times_its_size(shape: str, tmp_path: Path, injected: Injection) -> None:
    body, said = PAGES[shape]
    file = tmp_path / "page.json"
    file.write_bytes(body)
    grew, came = in_a_process("page", str(file))
    injected(happened=len(body) > 10 * MB)
    assert came.startswith(said), came
    assert grew < 6 * len(body)
