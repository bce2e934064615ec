"""Seven detectors out of fold on real face crops: makes the scores that `fakeodds demo` ships.

    python benchmarks/face_detectors.py ../shared/data/faces ../shared/data/weights --out runs/faces

The faces are labelled crops of FaceForensics++ (`labels.csv`: file, label, group, method). Trained
are, by `fakeodds run` with the arguments below and on the same folds, two detectors from ImageNet's
weights, which packages carry, and the five of the mission from scratch. Two published MesoNets,
which their authors trained on a set of their own, score every crop. Written is
`fakeodds/demo_scores/faceforensics_faces.csv.gz`: a row a crop, a column a detector, logits of
FAKE. Killed and called again it goes on. About two and a half hours on two CPU cores.
"""

import argparse
import gzip
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from mesonet import score_with_mesonet

from base_models.scoring.fold_models import read_fold_scores
from predictions.files import replacing

#: What the shipped scores were made with: folder of the run -> options.
RUNS = {
    "pretrained": (
        *("--detectors", "efficientnet_lite0,mobilenetv2", "--weights", "pretrained"),
        *("--size", "160", "--epochs", "8", "--batch", "32", "--augment", "light"),
    ),
    "scratch": (
        *("--weights", "scratch"),
        *("--size", "96", "--epochs", "6", "--batch", "16", "--augment", "flip"),
    ),
}
ALIKE = ("--folds", "3", "--workers", "2")

#: Those of MesoNet's published weights that were not trained on FaceForensics++'s own videos.
MESONETS = ("meso4_df", "mesoinception4_df")

ABOUT = ["label", "group", "method", "fold"]
SHIPPED = Path(__file__).parents[1] / "fakeodds" / "demo_scores" / "faceforensics_faces.csv.gz"


def make_table(runs: Iterable[Path], mesonets: pd.DataFrame) -> pd.DataFrame:
    """video, label, group, method, fold, and a column of logits a detector."""
    tables = []
    for run in runs:
        frames = read_fold_scores(run)
        logits = frames.pivot(index="video", columns="model", values="logit")
        videos = pd.read_parquet(run / "videos.parquet").set_index("video")[ABOUT]
        if tables and not videos.equals(tables[0][ABOUT]):
            raise SystemExit(f"{run}: other videos or folds than the run before")
        tables.append(logits if tables else videos.join(logits))
    table = pd.concat([*tables, mesonets], axis=1)
    # The folder and the ending say nothing that the name does not.
    table.index = table.index.str.removeprefix("ffpp_haar160/").str.removesuffix(".jpg")
    return table.rename_axis("video")


def main() -> None:
    """Train, score, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("faces", type=Path)
    parser.add_argument("weights", type=Path, help="folder of MesoNet's published weights")
    parser.add_argument("--out", type=Path, default=Path("runs/faces"))
    asked = parser.parse_args()
    command = Path(sys.executable).with_name("fakeodds")
    for name, options in RUNS.items():
        out = asked.out / name
        subprocess.run([command, "run", asked.faces, "--out", out, *ALIKE, *options], check=True)
    mesonets = score_with_mesonet(asked.faces, asked.weights, MESONETS)[list(MESONETS)]
    table = make_table([asked.out / name for name in RUNS], mesonets)
    text = table.to_csv(float_format="%.4f")
    SHIPPED.parent.mkdir(exist_ok=True)
    # No time in the header: the same scores give the same bytes.
    with replacing(SHIPPED) as temporary:
        temporary.write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))
    print(f"{len(table)} crops, {table.shape[1] - 4} detectors -> {SHIPPED}")


if __name__ == "__main__":
    main()
