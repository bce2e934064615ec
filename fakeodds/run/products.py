"""The products of a run: which files each owns, what it is made from, what makes it again."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Owned:
    """What a product owns below the run folder.

    Attributes:
        files: without which it is not done.
        more: files and folders of it that are not always there.
        of: products that it is made from; when one of them is made anew, it is removed.
        command: what makes it again, for messages; `RUN` stands for the folder.
        of_videos: the same in a run on videos, where that is another command.
    """

    files: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    command: str = "the command that made it"
    of_videos: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """All files and folders that it may have."""
        return (*self.files, *self.more)


#: By name, each after what it is made from. Faces, sound, models and their scores are kept piece
#: by piece, by `base_models`: `faces` and `sound` own the tables of them, `train` and `scores` no
#: file. The scores of altered videos (stress/) are a cache, which goes with the videos. `scores` is
#: the table of scores, from detectors or files, that all after it is made from.
PRODUCTS: dict[str, Owned] = {
    "faces": Owned(("videos.parquet",), ("stress",), command="fakeodds run or faces"),
    "sound": Owned(("sound.parquet",), of=("faces",), command="fakeodds train RUN"),
    "train": Owned(of=("faces", "sound"), command="fakeodds train RUN"),
    "scores": Owned(of=("faces", "train")),
    "stack": Owned(
        ("stack/stack.json", "stack/stack.skops", "oof.csv", "metrics.json"),
        (
            *("stack/labelled.parquet", "leaderboard.csv", "measures.csv", "label_doubts.csv"),
            *("reliability.png", "clip.png", "robust.json"),
        ),
        ("scores",),
        "fakeodds stack or calibrate",
        "fakeodds train RUN",
    ),
    "frame_rules": Owned(
        ("frame_rules.json",),
        of=("scores", "stack"),
        command="fakeodds stack",
        of_videos="fakeodds train RUN",
    ),
    "domains": Owned(("domains.json",), of=("scores", "stack"), command="fakeodds stack"),
    "compare": Owned(
        ("compare.json", "compare.csv", "compare.png"),
        of=("scores", "stack"),
        command="fakeodds compare or stack",
        of_videos="fakeodds train RUN",
    ),
    "against": Owned(
        ("against.json", "against.csv"),
        of=("scores", "stack"),
        command="fakeodds compare --against",
    ),
    "calibrators": Owned(
        ("calibrators.csv", "calibrators.png"),
        of=("scores", "stack"),
        command="fakeodds calibrate --compare",
    ),
    "stress": Owned(
        ("stress.json", "stress.csv", "stress_oof.csv"),
        of=("scores", "stack"),
        command="fakeodds stress RUN",
    ),
    "hardened": Owned(
        ("hardened.json", "hardened/stack.json", "hardened/stack.skops"),
        ("hardened/labelled.parquet",),
        ("scores", "stack", "stress"),
        command="fakeodds stress RUN --harden",
    ),
    "submission": Owned(
        ("submission.csv",),
        of=("stack",),
        command="fakeodds stack --test, or fakeodds apply RUN SCORES --out RUN/submission.csv,",
        of_videos="fakeodds predict RUN VIDEOS",
    ),
    "decide": Owned(("decide.json",), of=("stack",), command="fakeodds decide RUN"),
    "decisions": Owned(
        ("decisions.csv",), of=("decide", "submission"), command="fakeodds decide RUN"
    ),
    "looks": Owned(("test/looks.parquet",), of=("stack",)),
    "deadline": Owned(
        ("deadline.json",),
        ("deadline.png",),
        ("stack", "submission"),
        "fakeodds predict RUN VIDEOS --deadline",
    ),
    "report": Owned(
        ("report.html",),
        ("report",),
        (
            *("scores", "stack", "frame_rules", "domains", "compare", "against", "calibrators"),
            *("stress", "hardened"),
        ),
        "fakeodds report RUN",
    ),
}


#: Beside the products' files: what tells of them, and folders that are kept piece by piece, whose
#: strange pieces are removed. (`scores/` is kept so too, and `demo` has a run of its own there.)
KEPT = (
    *("run.json", "products", "stack", "submission_before.csv"),
    *("faces", "sound", "embeddings", "models", "test", "hardened"),
)


def owned_paths() -> tuple[str, ...]:
    """All files and folders below a run folder that are the run's own."""
    return (*(path for product in PRODUCTS.values() for path in product.paths), *KEPT)


def made_of(name: str) -> list[str]:
    """The products that are made from `name`, directly or not, in the order of PRODUCTS."""
    derived = {name}
    for other, owned in PRODUCTS.items():
        if derived & set(owned.of):
            derived.add(other)
    return [other for other in PRODUCTS if other in derived - {name}]
