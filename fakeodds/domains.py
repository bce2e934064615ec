"""`--domain` and `--robust` of `fakeodds stack`: what to expect in a domain nobody has seen."""

import json
from typing import Any

from rich.table import Table

from fakeodds import console
from fakeodds.run_folder import RunFolder
from fakeodds.stacked import (
    Scored,
    StackOptions,
    check_labels,
    judging_inputs,
    plain_stack,
    robust_stack,
)
from predictions.errors import InputError
from predictions.files import write_json


def check_domain(scored: Scored, domain: str | None, robust: bool) -> None:
    """Refuse what cannot be judged by domain before anything long begins.

    Raises:
        InputError: --robust without --domain, a column that was read as something else, or fewer
            than two domains with fakes.
    """
    from stacking.domains import domain_names, domains_of_fakes

    if domain is None:
        if robust:
            raise InputError("--robust chooses by the worst domain; name its column with --domain.")
        return
    if domain not in scored.rows:
        raise InputError(
            f"--domain {domain}: is read as the id, the label or the group; name a column of its "
            "own, such as dataset or method."
        )
    rows = scored.labelled().rows
    check_labels(rows["label"])
    domains_of_fakes(domain_names(rows[domain]), rows["label"].to_numpy())


def judge_domains(
    scored: Scored, run: RunFolder, options: StackOptions, domain: str, robust: bool
) -> dict[str, Any]:
    """Leave each domain out; write domains.json and the same into metrics.json, and return it."""
    from stacking.domains import domain_predictions, domain_splits, report_domains

    scored = scored.labelled()
    rows = scored.rows
    label = rows["label"].astype("int8")
    path = run.path / "domains.json"
    inputs = judging_inputs(scored, options, domain=domain, robust=robust)
    with run.stage("domains", inputs, [path]) as needed:
        if needed:
            splits = domain_splits(label, rows["group"], rows[domain], seed=options.seed)
            with console.progress_bars() as progress:
                judged = domain_predictions(
                    robust_stack(rows[domain], options) if robust else plain_stack(options),
                    scored.features,
                    label,
                    splits,
                    rows["group"],
                    dict(scored.kinds),
                    progress,
                )
            write_json(report_domains(judged, label, rows["group"], seed=options.seed), path)
        else:
            console.note("domains: already there for these scores and settings.")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    metrics = json.loads(run.metrics.read_text(encoding="utf-8"))
    write_json({**metrics, "domains": found}, run.metrics)
    return found


def print_domains(found: dict[str, Any], domain: str) -> None:
    """Log losses of the last stages in each domain that was left out; 80 columns at most."""
    table = Table(box=None, pad_edge=False)
    table.add_column(f"{domain[:24]} left out", no_wrap=True)
    stages = ("mean", "stacked", "calibrated")
    for name in (*stages, "95 % interval", "AUC"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, judged in found.items():
        loss, area = judged["calibrated"]["log_loss"], judged["calibrated"]["auc"]["value"]
        table.add_row(
            (name if len(name) <= 24 else f"{name[:23]}…").replace("[", "\\["),
            *(f"{judged[stage]['log_loss']['value']:.4f}" for stage in stages),
            f"{loss['low']:.4f}-{loss['high']:.4f}",
            "-" if area is None else f"{area:.3f}",
        )
    console.out.print(table)
