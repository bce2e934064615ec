"""How detectors are trained. Nothing here imports a deep-learning framework."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from base_models.augment.registry import AUGMENTATIONS, parse_augment
from base_models.compute.place import Precision
from base_models.compute.threads import TRAINING_THREADS
from base_models.detectors.registry import DetectorSpec, canonical_name
from base_models.faces.mediapipe_files import is_installed
from predictions.errors import InputError
from predictions.settings import check_settings, setting

#: The five of the mission.
DETECTORS = ("xception", "efficientnet_b4", "resnet50", "densenet121", "mobilenetv3_large")

Imbalance = Literal["none", "class_weights", "oversample", "undersample", "augment_rare"]
SelfBlending = Literal["none", "only", "add"]
Tune = Literal["all", "norm", "head"]

# Settings that a head is not tuned by: there are no epochs, and its features are those of the crops
# as they are.
_OF_EPOCHS = (
    *("epochs", "batch", "accumulate", "lr", "weight_decay", "warmup"),
    *("augment", "label_smoothing"),
)
# Settings that say where and with what means the work is done, not what comes out of it. The
# weights are among them because what is hashed is their content.
_MEANS = ("detectors", "weights", "starts", "device", "workers", "cache_gb")


def detector_names() -> list[str]:
    """The detectors of the registry."""
    from base_models.detectors import list_detectors

    return [spec.name for spec in list_detectors()]


@dataclass(frozen=True)
class TrainSettings:
    """The settings of `fit_out_of_fold`; those that change the outcome are hashed and recorded.

    Raises:
        InputError: a setting that cannot be trained with, and what it must be.

    Attributes:
        detectors: names from the registry, `timm:NAME`, `FILE.py:CLASS` of a network of one's own,
            or detectors that somebody else trained, which are scored as they are: see
            `base_models.frozen.catalogue`.
        weights: `auto`, `pretrained`, `scratch` or a folder (see `create_detector`); of a network
            of one's own also a file.
        starts: pairs of a detector and what it starts from where that is not `weights`.
        tune: what of each network is trained: `all` of it; its normalisation layers and its last
            layer (`norm`); the last layer alone (`head`), a logistic regression on features that
            are computed once for all folds. The last two are for networks of timm.
        size: side of the input in pixels; each detector's own when None.
        epochs: passes over the training videos.
        batch: crops a pass (at least 4; batch normalisation needs company).
        accumulate: passes whose gradients are added up for one step of the optimiser.
        lr: highest learning rate, reached after the warm-up.
        weight_decay: AdamW's, on weights with two or more axes (not on biases and norms).
        warmup: share of all steps in which the rate rises from 0; then it falls as a cosine.
        frames_per_video: crops drawn anew from each video every epoch; None takes all. It also
            keeps videos with many faces from outweighing the rest.
        augment: `none`, `light`, `strong`, or names of `base_models.augment.registry` with commas
            between them.
        sbi: self-blended images, fakes made of the REAL crops themselves (Shiohara and Yamasaki,
            2022): `only` trains on REAL videos and their blends alone, `add` on all videos and the
            blends.
        imbalance: what is done where one class has more crops. `none` (default) trains on the
            classes as they are, so that the logits keep the training set's share of fakes, which is
            what calibration assumes. The others show or weigh both classes alike, which shifts the
            logits; the shift is recorded. `class_weights`: in the loss. `oversample`: crops of the
            rare class are shown again. `undersample`: fewer of the frequent one, drawn anew each
            epoch. `augment_rare`: as oversample, but those shown again are augmented strongly.
        label_smoothing: labels are moved this far from 0 and 1 toward 1/2; 0.1 makes them 0.05 and
            0.95.
        patience: stop after this many epochs without a better log loss on a validation part of the
            training groups, and keep the best epoch's weights; None trains all epochs on all
            groups. The fold held out never has a say: its scores would become too good.
        validation: share of the training groups in that part; without patience there is none.
        seed: of weights, order, augmentation.
        device: `auto`, `cpu`, `cuda`, `cuda:N`, `mps`, or several with commas between them, among
            which the trainings are shared out.
        precision: `auto` (bf16 where the hardware multiplies in it, else fp16 on CUDA, else fp32),
            `bf16`, `fp16` (CUDA alone), `fp32`.
        threads: CPU threads of each training: other numbers of them give other weights.
        workers: how many (detector, fold) are trained side by side; None for as many as
            `workers.side_by_side_here` tells. Their number changes no byte.
        cache_gb: memory for decoded crops, all workers together; what does not fit is decoded
            again at each use.
    """

    detectors: tuple[str, ...] = setting(
        DETECTORS,
        "See `fakeodds models`; timm:NAME is any network of timm, FILE.py:CLASS your own, another "
        "path somebody else's detector [default: {default}].",
        metavar="NAME,...",
        names=detector_names,
    )
    weights: str | Path = setting(
        "auto",
        "Where training starts from; auto: pretrained where they can be had, else scratch, and it "
        "says so.",
        metavar="auto|pretrained|scratch|FOLDER",
    )
    starts: tuple[tuple[str, str], ...] = setting(())
    tune: Tune = setting(
        "all",
        "What of each network is trained; norm: its normalisation layers and its head; head: the "
        "head alone, on features computed once (networks of timm).",
    )
    size: int | None = setting(None, "Input side in pixels [default: each its own].", least=1)
    epochs: int = setting(5, "Rounds of training, at most.", least=1)
    batch: int = setting(32, "Crops looked at together.", least=4)
    accumulate: int = setting(1, "Batches whose gradients are added up for one step.", least=1)
    lr: float = setting(5e-4, "Learning rate at its highest; it falls along a cosine.", above=0)
    weight_decay: float = setting(0.01, least=0)
    warmup: float = setting(0.1, least=0, below=1)
    frames_per_video: int | None = setting(
        8, "Crops drawn from a video each epoch; 0 takes all.", least=1, none=0
    )
    augment: str = setting(
        "light",
        "Or by name: {choices}.",
        metavar="none|light|strong|NAME,...",
        names=lambda: list(AUGMENTATIONS),
    )
    sbi: SelfBlending = setting(
        "none",
        "Self-blended images: fakes made of the REAL faces; `only` trains on REAL videos alone.",
    )
    imbalance: Imbalance = setting(
        "none", "What is done where one class has more crops: {choices}.", metavar="NAME"
    )
    label_smoothing: float = setting(
        0.0,
        "How far labels are moved toward 1/2; 0.1 makes them 0.05 and 0.95.",
        least=0,
        below=1,
    )
    patience: int | None = setting(
        None,
        "Stop after this many epochs without a better log loss on training groups set aside "
        "[default: train all epochs].",
        least=1,
    )
    validation: float = setting(
        0.15, "Share of the training groups set aside for --patience.", above=0, most=0.5
    )
    seed: int = setting(0, least=0)
    device: str = setting(
        "auto",
        "auto, cpu, cuda, ...; of several (cuda:0,cuda:1) each trains folds of its own.",
    )
    precision: Precision = setting(
        "auto", "Numbers that training computes in; auto: what the device is fast in."
    )
    threads: int = setting(
        TRAINING_THREADS,
        "CPU threads of each training, where there are more cores than trainings; another number "
        "gives other weights.",
        least=1,
    )
    workers: int | None = setting(
        None,
        "Trainings side by side [default: one a core where memory allows, one a GPU].",
        least=1,
    )
    cache_gb: float = setting(4.0, least=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "detectors", tuple(map(canonical_name, self.detectors)))
        if self.weights not in ("auto", "pretrained", "scratch"):
            object.__setattr__(self, "weights", Path(self.weights))
        check_settings(self, "training")
        if not self.detectors:
            raise InputError(
                "no detector is named",
                option="--detectors",
                remedy="name at least one (see `fakeodds models`)",
            )
        if len(set(self.detectors)) < len(self.detectors):
            raise InputError(
                "a detector is named twice", option="--detectors", remedy="name each once"
            )
        parse_augment(self.augment)
        if self.tune == "head":
            self._check_head()
        if len(set(self.devices)) < len(self.devices):
            raise InputError(
                f"device {self.device!r} names one twice",
                option="--device",
                remedy="name each once",
            )
        if len(self.devices) > 1 and "auto" in self.devices:
            raise InputError(
                f"device {self.device!r}: auto stands alone",
                option="--device",
                remedy="name the devices",
            )

    @property
    def specs(self) -> list[DetectorSpec]:
        """The detectors.

        Raises:
            InputError: one is not known.
        """
        from base_models.detectors import find_detector

        return [find_detector(name) for name in self.detectors]

    def start_of(self, detector: str) -> str | Path:
        """What a detector starts from: `auto`, `pretrained`, `scratch` or a folder."""
        start = dict(self.starts).get(detector, self.weights)
        return start if start in ("auto", "pretrained", "scratch") else Path(start)

    @property
    def devices(self) -> list[str]:
        """The devices by name."""
        return [name.strip() for name in self.device.split(",")]

    @property
    def blends_by(self) -> Literal["nothing", "landmarks", "five points"]:
        """What self-blended images get their outline from, with what is installed here."""
        if self.sbi == "none":
            return "nothing"
        return "landmarks" if is_installed() else "five points"

    def recorded(self) -> dict[str, Any]:
        """The settings that change the outcome, as JSON values."""
        settings = {name: value for name, value in asdict(self).items() if name not in _MEANS}
        if self.patience is None:
            del settings["validation"]
        if self.tune == "head":
            for name in _OF_EPOCHS:
                del settings[name]
        if self.blends_by == "landmarks":
            settings["blends_by"] = "landmarks"
        return settings

    def _check_head(self) -> None:
        """Refuse what a head on features that were computed once cannot be trained with."""
        refused = {
            "sbi": (self.sbi == "none", "blends are drawn anew in every epoch"),
            "patience": (self.patience is None, "it is trained without epochs"),
            "label_smoothing": (self.label_smoothing == 0, "its labels are 0 and 1"),
            "imbalance": (
                self.imbalance in ("none", "class_weights"),
                "no crop is shown twice; class_weights weighs them",
            ),
        }
        for name, (fits, why) in refused.items():
            if not fits:
                raise InputError(
                    f"tune head goes without {name} {getattr(self, name)}: {why}",
                    option=f"--{name.replace('_', '-')}",
                    remedy="leave it out, or use tune norm or all",
                )
