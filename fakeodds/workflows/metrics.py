"""All that a run tells of itself in numbers."""

from typing import Any

from fakeodds.run.folder import RunFolder
from fakeodds.workflows.advice import advice_of
from predictions.files import json_records, read_json


def all_metrics(run: RunFolder) -> dict[str, Any]:
    """metrics.json, with the leaderboard, what to do, what the last step does (`shipped`), the
    domains that were left out and the seconds of every product."""
    metrics, board = run.read_metrics(), run.read_leaderboard()
    domains = read_json(run.path / "domains.json") if run.has("domains") else None
    further: dict[str, Any] = {} if domains is None else {"domains": domains}
    if board is not None:
        further["leaderboard"] = json_records(board)
    shipped = read_json(run.stack / "stack.json")
    further["shipped"] = {name: shipped[name] for name in ("calibrator", "clip")}
    further["advice"] = [one.to_json() for one in advice_of(run, metrics, board, domains)]
    return {**metrics, **further, "timing": run.seconds()}
