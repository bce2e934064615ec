"""Checksums: of a file's content now, whoever changed it and however quickly."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from predictions import products
from predictions.products import checksum


def test_a_file_that_changes_at_once_has_another(tmp_path: Path) -> None:
    path = tmp_path / "scores"
    for content in (b"one", b"two", b"six"):  # of one length, within one tick of the clock
        path.write_bytes(content)
        assert checksum(path) == hashlib.sha256(content).hexdigest()


def test_a_file_that_nobody_touches_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    now = time.time_ns()
    monkeypatch.setattr(products.time, "time_ns", lambda: now + 60 * 10**9)
    before = products._known_sha256.cache_info()
    assert checksum(path) == checksum(path) == hashlib.sha256(b"one").hexdigest()
    after = products._known_sha256.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 1)
    # Changed, with its old time set again; then another file in its place.
    times = path.stat()
    time.sleep(0.02)
    path.write_bytes(b"two")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert checksum(path) == hashlib.sha256(b"two").hexdigest()
    other = tmp_path / "other"
    other.write_bytes(b"six")
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(path)
    assert checksum(path) == hashlib.sha256(b"six").hexdigest()


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    checksum(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        checksum(path)
