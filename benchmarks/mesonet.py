"""MesoNet's published weights on real face crops: AUC per forgery method, and the paper's claim.

    python benchmarks/mesonet.py ../shared/data/faces ../shared/data/weights

Afchar et al. (WIFS 2018) state accuracies of single images in their tables 2 and 3 (columns `paper`
below), on test sets of their own; the crops here are FaceForensics++'s, found by another face
finder, so the two are side by side and not the same measure. The weights are read as they were
published, by the registry's loaders, and compute in float32.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from base_models.datasets import read_dataset
from base_models.detectors import find_detector
from base_models.scoring.crops import resize
from calibration import measure_all

#: Column -> (detector, file of its published weights, what the paper states, its accuracy there).
PUBLISHED = {
    "meso4_df": ("meso4", "Meso4_DF.h5", "Deepfakes", 0.891),
    "mesoinception4_df": ("mesoinception4", "MesoInception_DF.h5", "Deepfakes", 0.917),
    "meso4_f2f": ("meso4", "Meso4_F2F.h5", "Face2Face", 0.924),
    "mesoinception4_f2f": ("mesoinception4", "MesoInception_F2F.h5", "Face2Face", 0.934),
}

_BATCH = 64


def score_with_mesonet(
    faces: Path, weights: Path, columns: tuple[str, ...] = tuple(PUBLISHED)
) -> pd.DataFrame:
    """Logits of FAKE, a row a crop (index `video`, with label, group, method), a column a network.

    Args:
        faces: a data set of face crops.
        weights: the folder of the published files.
        columns: which of `PUBLISHED`.
    """
    dataset = read_dataset(faces, training=True)
    videos = dataset.videos.set_index("video")
    paths = [dataset.root / dataset.files(str(video))[0] for video in videos.index]
    found = {}
    for column in columns:
        name, file, _, _ = PUBLISHED[column]
        spec = find_detector(name)
        load = spec.import_module(spec.loader.split(":")[0]).load_keras
        place = spec.import_module(spec.devices).choose_device(precision="fp32")
        detector = load(spec, weights / file, spec.size, place)
        found[column] = np.concatenate(
            [
                detector.logits(read_crops(paths[first : first + _BATCH], spec.size))
                for first in range(0, len(paths), _BATCH)
            ]
        )
    return videos.join(pd.DataFrame(found, index=videos.index))


def read_crops(paths: list[Path], size: int) -> NDArray[np.uint8]:
    """RGB uint8 (n, size, size, 3): the pictures as training would see them."""
    pictures = []
    for path in paths:
        with Image.open(path) as image:
            pictures.append(resize(np.asarray(image.convert("RGB"))[None], size))
    return np.concatenate(pictures)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("faces", type=Path)
    parser.add_argument("weights", type=Path)
    asked = parser.parse_args()
    scored = score_with_mesonet(asked.faces, asked.weights)
    real = scored["label"] == 0
    methods = sorted(scored["method"][~real].unique())
    print("| weights | " + " | ".join(methods) + " | paper: accuracy on its own set |")
    print("| --- |" + " --- |" * (len(methods) + 1))
    for column, (_, file, stated, accuracy) in PUBLISHED.items():
        cells = []
        for method in methods:
            rows = scored[real | (scored["method"] == method)]
            probability = 1 / (1 + np.exp(-rows[column].to_numpy(float)))
            area = measure_all(rows["label"], probability, rows["group"])["auc"]
            cells.append(f"{area['value']:.3f} ({area['low']:.3f}-{area['high']:.3f})")
        print(f"| {file} | " + " | ".join(cells) + f" | {accuracy:.3f} {stated} |")


if __name__ == "__main__":
    main()
