"""What the system says of the machine is what torch says of it."""

import sys
from pathlib import Path

import pytest
import torch

from base_models.compute import devices, hardware
from base_models.compute.devices import choose_device, has_fast_int8
from predictions.errors import InputError


@pytest.fixture
def cpu_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody but torch tells what the CPU can do."""
    monkeypatch.setattr(devices, "cpu_flags", lambda: None)


@pytest.mark.skipif(hardware.cpu_flags() is None, reason="this system does not tell of its CPU")
@pytest.mark.skipif(not hasattr(torch.cpu, "get_capabilities"), reason="torch before 2.10")
def test_the_cpu_multiplies_in_what_torch_says_it_does(request: pytest.FixtureRequest) -> None:
    by_the_system = choose_device("cpu"), has_fast_int8()
    request.getfixturevalue("cpu_of_torch")
    assert (choose_device("cpu"), has_fast_int8()) == by_the_system


@pytest.mark.parametrize(
    ("flags", "precision", "fast_int8"),
    [
        ("fpu avx2", "fp32", False),
        ("fpu avx512f avx512_vnni", "fp32", True),
        ("fpu avx_vnni", "fp32", True),
        ("fpu avx512_bf16", "bf16", False),
        ("fpu amx_bf16 avx512_vnni", "bf16", True),
    ],
)
def test_by_its_flags(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: str, precision: str, fast_int8: bool
) -> None:
    told = tmp_path / "cpuinfo"
    told.write_text(f"processor\t: 0\nmodel name\t: One\nflags\t\t: {flags}\nbugs\t\t:\n")
    monkeypatch.setattr(hardware, "_CPU", told)
    monkeypatch.setattr(devices, "cpu_flags", hardware.cpu_flags.__wrapped__)
    assert choose_device("cpu").precision == precision
    assert has_fast_int8() == fast_int8


@pytest.mark.parametrize("content", [None, "processor\t: 0\nFeatures\t: fp asimd\n"])
def test_where_the_system_does_not_tell_torch_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    told = tmp_path / "cpuinfo"
    if content is not None:
        told.write_text(content)
    monkeypatch.setattr(hardware, "_CPU", told)
    assert hardware.cpu_flags.__wrapped__() is None


@pytest.mark.parametrize(
    ("names", "may"),
    [([], False), (["nvme0", "null"], False), (["nvidiactl"], True), (["kfd"], True)],
)
def test_a_gpu_shows_in_the_system(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, names: list[str], may: bool
) -> None:
    for name in names:
        (tmp_path / name).touch()
    monkeypatch.setattr(hardware, "_DEVICES", tmp_path)
    monkeypatch.setattr(sys, "platform", "linux")
    assert hardware.may_have_gpus() == may
    monkeypatch.setattr(sys, "platform", "win32")
    assert hardware.may_have_gpus()


def test_without_one_torch_is_not_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hardware, "_DEVICES", tmp_path)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(devices, "_torch", lambda: pytest.fail("torch was asked"))
    monkeypatch.setattr(devices, "cpu_flags", lambda: frozenset({"avx2"}))
    assert choose_device("auto").name == "cpu"
    with pytest.raises(InputError, match="torch sees no such GPU here"):
        choose_device("cuda")
