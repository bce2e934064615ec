"""What a run is worth on videos of another making: the promised log loss beside the delivered one.

    python benchmarks/other_videos.py runs/faces/pretrained ../shared/data/video

The run's detectors, its stack and its calibration, as they are, answer for labelled videos of other
people, other forgeries and another compression (`fakeodds predict`). Printed is, for each folder of
the videos, for every detector (the sigmoid of its mean logit) and the answer, log loss and AUC with
95 % intervals over the videos' groups; first what the run promises of videos like its own.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from base_models.scoring.frame_scores import read_new_scores
from calibration import measure_all
from predictions import to_probability


def answers(run: Path) -> pd.DataFrame:
    """A row a video, a column of probabilities a detector, and `calibrated`."""
    names = json.loads((run / "stack" / "stack.json").read_text())["about"]["kinds"]
    frames = read_new_scores(run / "test" / "scores", names)
    means = frames.groupby(["video", "model"])["logit"].mean().unstack()
    submission = pd.read_csv(run / "submission.csv").set_index("filename")["label"]
    return means.apply(to_probability).join(submission.rename("calibrated"), how="right")


def tell(name: str, measures: dict[str, dict[str, float]]) -> None:
    """One line of the table."""
    cells = (
        "{value:.4f} ({low:.3f}-{high:.3f})".format(**measures[m]) for m in ("log_loss", "auc")
    )
    print(f"  {name:20}", *(f"{cell:24}" for cell in cells))


def main() -> None:
    """Predict, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("videos", type=Path, help="labelled, in one of the known layouts")
    told = parser.parse_args()
    command = Path(sys.executable).with_name("fakeodds")
    subprocess.run([command, "predict", told.run, told.videos], check=True)
    videos = pd.read_parquet(told.run / "test" / "videos.parquet").set_index("video")
    table = answers(told.run).join(videos[["label", "group", "status"]])
    stages = json.loads((told.run / "metrics.json").read_text())["stages"]
    print(f"promised, by {told.run}{'':20}log loss{'':16} AUC")
    for name in [*(name for name in stages if name.startswith("base/")), "calibrated"]:
        tell(name.removeprefix("base/"), stages[name])
    for folder, rows in table.groupby(table.index.str.split("/").str[0]):
        seen = rows[rows["status"] == "ok"]
        share = seen["label"].mean()
        alone = -(share * np.log(share) + (1 - share) * np.log(1 - share))
        print(
            f"{folder}: {len(rows)} videos, {len(rows) - len(seen)} without a face, "
            f"{share:.0%} FAKE (saying that alone costs {alone:.4f})"
        )
        for name in table.columns.drop(["label", "group", "status"]):
            tell(name, measure_all(seen["label"], seen[name], seen["group"]))


if __name__ == "__main__":
    main()
