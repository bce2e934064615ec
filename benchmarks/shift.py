"""Is a shift seen where there is one and only there, and what does `--shift auto` do then?

    python benchmarks/shift.py halves  [TABLES] [--table ffpp] [--draws 100] [--rows 4000]
    python benchmarks/shift.py domains [TABLES] [--table ffpp] [--rows 5000]

`halves`: a table's groups are dealt into two at random; the stack is fitted on one half and the
other half is compared with it (`stacking.judge_shift`). Printed is how often anything but "alike"
is said: at most 5 %.

`domains`: each forgery is left out in turn (`stacking.domain_splits`). Printed is what is said of
it, and the log loss there of `auto`, of the mean of logits with Platt's map, and of the answers of
`--shift auto`, with their difference from the better of the two in standard errors: paired (of the
rows' differences, over groups) and of that better one's log loss.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from bench_tables import FILES, TABLES, losses

from calibration import shift_prior, standard_error
from predictions.folds import assign_folds
from predictions.tables.scores import read_scores
from stacking import Stack, domain_splits, judge_shift, leaning, nested_predictions

#: Columns of forgeries, and what names none there.
DOMAINS = {"ffpp": "method", "asvspoof": "attack"}


def read(name: str, folder: Path, rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores and rows (label, group, domain), so many of them by chance."""
    file, group = FILES[name]
    table = read_scores([folder / file], group=group)
    about = table.rows[table.rows["label"].notna()].copy()
    if name in DOMAINS:
        raw = pd.read_csv(folder / file)
        named = raw.set_index(raw.columns[0])[DOMAINS[name]].reindex(about.index)
        about["domain"] = named.where(about["label"] == 1)
    kept = np.sort(np.random.default_rng(0).permutation(len(about))[: rows or None])
    about = about.iloc[kept]
    return table.logits.loc[about.index], about


def halves(X: pd.DataFrame, about: pd.DataFrame, draws: int) -> None:
    """How often two halves of one table are told apart."""
    y, groups = about["label"].to_numpy(), about["group"].to_numpy(str)
    names = np.unique(groups)
    said = []
    for seed in range(draws):
        half = np.isin(groups, np.random.default_rng(seed).permutation(names)[: len(names) // 2])
        stack = Stack("logistic", seed=seed).fit(X[half], y[half], groups=groups[half])
        p = stack.predict_proba(X[~half])[:, 1]
        verdict = judge_shift(X[half], y[half], groups[half], X[~half], groups[~half], p, seed)
        said.append(verdict.kind)
    counts = pd.Series(said).value_counts().to_dict()
    print(f"{draws} halves of {len(names)} groups: {counts}")


def answers(
    X: pd.DataFrame, y: np.ndarray, groups: np.ndarray, train: np.ndarray, test: np.ndarray
) -> tuple[pd.DataFrame, str, float, float]:
    """Probabilities of the held rows, what is said of them, the AUC, and the promised log loss."""
    taught = X[train], y[train], groups[train]
    p = Stack("auto").fit(taught[0], taught[1], groups=taught[2]).predict_proba(X[test])[:, 1]
    mean = Stack("mean_logit", "affine").fit(taught[0], taught[1], groups=taught[2])
    verdict = judge_shift(*taught, X[test], groups[test], p)
    adapted = p
    if verdict.kind == "share":
        assert verdict.share is not None
        adapted = shift_prior(p, float(y[train].mean()), verdict.share)
    if verdict.kind == "other":
        adapted = leaning(p, *taught, X[test], groups[test])
    folds = assign_folds(y[train], groups[train])
    oof = nested_predictions(Stack("logistic"), *taught, folds)["calibrated"].to_numpy()
    table = pd.DataFrame(
        {
            "auto": losses(y[test], p),
            "mean + Platt": losses(y[test], mean.predict_proba(X[test])[:, 1]),
            "--shift auto": losses(y[test], adapted),
        }
    )
    auc = float("nan") if verdict.judged is None else verdict.judged.auc
    return table, verdict.kind, auc, float(losses(y[train], oof).mean())


def domains(X: pd.DataFrame, about: pd.DataFrame) -> None:
    """Every forgery left out."""
    y, groups = about["label"].to_numpy(), about["group"].to_numpy(str)
    print("domain, rows: said (AUC); promised; auto, mean + Platt, --shift auto; worse by (SE)")
    parts: dict[str, list[tuple[pd.DataFrame, np.ndarray, str, float, float]]] = {}
    for split in domain_splits(y, groups, about["domain"].to_numpy(object)):
        table, kind, auc, promised = answers(X, y, groups, split.train, split.test)
        parts.setdefault(split.domain, []).append((table, groups[split.test], kind, auc, promised))
    worst = 0.0
    for domain, found in parts.items():
        table = pd.concat([part[0] for part in found], ignore_index=True)
        held = np.concatenate([part[1] for part in found])
        better = table[["auto", "mean + Platt"]].mean().idxmin()
        excess = table["--shift auto"] - table[better]
        paired = standard_error(excess, held)
        z = excess.mean() / paired if paired > 0 else 0.0
        alone = excess.mean() / standard_error(table[better], held)
        worst = max(worst, float(alone))
        kinds = ", ".join(f"{part[2]} {part[3]:.2f}" for part in found)
        means = ", ".join(f"{value:.4f}" for value in table.mean())
        promised = float(np.mean([part[4] for part in found]))
        print(
            f"{domain:16}{len(table):6}: {kinds}; {promised:.4f}; {means}; "
            f"paired {z:+.2f}, of the loss {alone:+.2f}",
            flush=True,
        )
    print(f"worst: {worst:+.2f} standard errors of the better one's log loss")


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=("halves", "domains"))
    parser.add_argument("tables", type=Path, nargs="?", default=TABLES)
    parser.add_argument("--table", choices=list(FILES), default="ffpp")
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--rows", type=int, default=0, help="so many of the table, by chance")
    options = parser.parse_args()
    X, about = read(options.table, options.tables, options.rows)
    print(f"{options.table}, {len(X)} rows, {about['group'].nunique()} groups")
    if options.what == "halves":
        halves(X, about, options.draws)
    else:
        domains(X, about)


if __name__ == "__main__":
    main()
