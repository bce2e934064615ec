"""Our own readers, fuzzed by atheris, which follows the branches that each input takes.

    pip install atheris
    python benchmarks/fuzz.py read_card [--seconds 300] [--out runs/fuzz]

One reader a call: those of `tests/faults/fuzz.py`, each begun with a sound file. What raises
anything but an InputError, or takes over 20 seconds, ends it with exit code 77 and leaves the file
that did it in the folder.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import contextlib

#: What is followed.
_OURS = ["predictions", "base_models", "stacking", "fakeodds"]


def main() -> None:
    """Fuzz one reader."""
    import atheris

    # Modules are followed that are imported in this block, for the first time.
    with atheris.instrument_imports(include=_OURS):
        from predictions.errors import InputError
        from tests.faults.fuzz import TARGETS, seeds

        parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
        parser.add_argument("reader", choices=TARGETS)
        parser.add_argument("--seconds", type=int, default=300)
        parser.add_argument("--out", type=Path, default=Path("runs/fuzz"))
        asked = parser.parse_args()
        sound, target = seeds()[asked.reader], TARGETS[asked.reader]
        target(sound)
    corpus = asked.out / asked.reader
    corpus.mkdir(parents=True, exist_ok=True)
    (corpus / "sound").write_bytes(sound)

    def once(data: bytes) -> None:
        with contextlib.suppress(InputError):
            target(data)

    arguments = [f"-max_total_time={asked.seconds}", "-timeout=20", "-rss_limit_mb=3000"]
    arguments += [f"-artifact_prefix={corpus}/broke-", str(corpus)]
    atheris.Setup([sys.argv[0], *arguments], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
