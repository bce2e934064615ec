"""Options are made of the settings dataclasses, which say everything about them once."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import click
import pytest
from click.testing import CliRunner

from base_models.detectors.registry import BackendName
from base_models.explore.settings import ExploreSettings
from base_models.faces.settings import FaceSettings
from base_models.training.settings import TrainSettings
from fakeodds.cli.command import Command
from fakeodds.cli.group import fakeodds
from fakeodds.cli.params import setting_option, settings_options
from fakeodds.workflows.inputs import DatasetOptions, ScoreColumns, ScoreFiles
from fakeodds.workflows.settings import StackOptions
from predictions.errors import InputError
from predictions.settings import check_settings, setting, settings_of


@dataclass(frozen=True)
class Settings:
    frames: int = setting(30, "Frames of a video.", least=1)
    share: float = setting(0.2, "A share.", above=0, below=1)
    size: int | None = setting(None, "Side of a crop [default: its own].", option="--crop")
    crops: int | None = setting(8, "Crops; 0 takes all.", least=1, none=0)
    way: Literal["none", "only"] = setting("none", "What is done.", heading="Ways")
    name: str = setting("a", "One of {choices}.", choices=("a", "b"), metavar="NAME")
    second: str | None = setting("haar", "The last.", none="none")
    three: tuple[float, ...] = setting((0.9, 0.5), "Three.", above=0)
    taken: tuple[str, ...] = setting(("x", "y"), "Names [default: {default}].", metavar="NAME,...")
    align: bool = setting(False, "Turn faces.")
    every: bool = setting(True, "All faces.", option="--every/--one")
    files: tuple[Path, ...] = setting((), "Files.", repeated=True)
    parsed: Any = setting(None, "A number more.", parse=lambda text: int(text) + 1)
    several: Any = setting(None, "Numbers.", parse=lambda texts: list(texts), repeated=True)
    hidden: int = setting(7, least=1)

    def __post_init__(self) -> None:
        check_settings(self, "made-up")


@click.command(cls=Command)
@settings_options(Settings, to="settings", heading="All")
@click.pass_obj
def program(kept: list[Settings], settings: Settings) -> None:
    kept.append(settings)


def called(*words: str) -> Settings:
    kept: list[Settings] = []
    program.main(list(words), standalone_mode=False, obj=kept)
    return kept[0]


def test_nothing_said_is_the_default() -> None:
    assert called() == Settings(several=[])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--frames 3 --crop 64", {"frames": 3, "size": 64}),
        ("--crops 0 --second none", {"crops": None, "second": None}),
        ("--way only --name b", {"way": "only", "name": "b"}),
        ("--three 1,2,0.5 --taken u,v", {"three": (1.0, 2.0, 0.5), "taken": ("u", "v")}),
        ("--align --one", {"align": True, "every": False}),
        ("--parsed 4", {"parsed": 5}),
        ("--several x --several y", {"several": ["x", "y"]}),
    ],
)
def test_what_is_said_is_taken(words: str, expected: dict[str, Any]) -> None:
    assert called(*words.split()) == Settings(**{"several": [], **expected})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--frames 0", "--frames"),
        ("--share 1", "0<x<1"),
        ("--way all", "'none', 'only'"),
        ("--name c", "'a', 'b'"),
        ("--three 1,x", "could not convert"),
        ("--parsed x", "invalid literal"),
    ],
)
def test_what_lies_outside_is_refused_as_it_is_read(words: str, said: str) -> None:
    outcome = CliRunner().invoke(program, words.split(), obj=[])
    assert outcome.exit_code == 2
    assert said in outcome.output


def test_a_word_for_none_leaves_the_bounds_to_the_settings() -> None:
    with pytest.raises(ValueError, match="--crops: made-up setting crops is -1, expected at least"):
        called("--crops", "-1")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--frames 3 --frames 4", "--frames: is given more than once; say it once"),
        ("--taken u --taken v", "--taken: is given more than once; give its values once, with"),
        ("--every --one", "--every/--one: is given more than once"),
        ("--crop 3 --align --crop=3", "--crop: is given more than once"),
    ],
)
def test_an_option_of_one_value_is_not_said_twice(words: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        called(*words.split())


def test_no_command_takes_the_last_of_two_in_silence() -> None:
    """Whatever the options of a command are: each that is said twice is refused, or taken twice."""
    with click.Context(fakeodds) as context:
        for name in fakeodds.list_commands(context):
            command = fakeodds.get_command(context, name)
            assert command is not None
            group = command.commands.values() if isinstance(command, click.Group) else [command]
            for one in group:
                assert isinstance(one, Command), one.name
                for option in one.params:
                    if isinstance(option, click.Option) and not option.is_flag:
                        assert option.multiple or _is_refused_twice(one, option), option.opts


def _is_refused_twice(command: click.Command, option: click.Option) -> bool:
    words = [option.opts[-1], *["1"] * option.nargs]
    try:
        command.make_context(str(command.name), [*words, *words])
    except InputError as error:
        return "more than once" in str(error)
    return False


def test_help_has_bounds_defaults_names_and_headings() -> None:
    said = " ".join(CliRunner().invoke(program, ["--help"], obj=[]).output.split())
    assert "Frames of a video. [default: 30; x>=1]" in said
    assert "A share. [default: 0.2; 0<x<1]" in said
    assert "--crop INTEGER Side of a crop [default: its own]. --crops" in said
    assert "Crops; 0 takes all. [default: 8]" in said
    assert "--name NAME One of a, b. [default: a]" in said
    assert "Names [default: x, y]. --align" in said
    assert "--three TEXT Three. [default: 0.9,0.5]" in said
    assert "--every / --one All faces. [default: every]" in said
    assert "Ways: --way [none|only] What is done. [default: none]" in said
    assert "--hidden" not in said


def test_one_setting_is_an_option_by_itself() -> None:
    @click.command(cls=Command)
    @setting_option(Settings, "way")
    def alone(way: str) -> str:
        return way

    assert alone.main(["--way", "only"], standalone_mode=False) == "only"
    assert "Ways:" not in CliRunner().invoke(alone, ["--help"]).output


SETTINGS = (
    *(FaceSettings, TrainSettings, ExploreSettings),
    *(StackOptions, DatasetOptions, ScoreColumns, ScoreFiles),
)


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda one: one.__name__)
def test_every_setting_of_the_rooms_becomes_an_option_of_its_default(settings: Any) -> None:
    kept: list[Any] = []

    @click.command(cls=Command)
    @settings_options(settings, to="settings")
    def command(settings: Any) -> None:
        kept.append(settings)

    command.main([], standalone_mode=False)
    assert asdict(kept[0]) | {"only": None} == asdict(settings()) | {"only": None}
    assert settings_of(settings)


@pytest.mark.parametrize("name", ["run", "explore", "stack", "apply"])
def test_options_of_a_command_have_a_help(name: str) -> None:
    command = fakeodds.get_command(click.Context(fakeodds), name)
    assert command is not None
    for parameter in command.params:
        assert not isinstance(parameter, click.Option) or parameter.help, parameter.opts


def test_backends_are_those_that_score() -> None:
    for name in ("run", "predict", "app"):
        command = fakeodds.get_command(click.Context(fakeodds), name)
        assert command is not None
        (option,) = (one for one in command.params if one.name == "backend")
        assert isinstance(option.type, click.Choice)
        assert tuple(option.type.choices) == get_args(BackendName)


@pytest.mark.parametrize("names", ["", ",", '"'])
def test_names_that_are_none_are_refused(names: str, tmp_path: Path, cli: Any) -> None:
    (tmp_path / "s.csv").write_text("video,label,a\nx,1,.9\ny,0,.1\n")
    said = cli("stack", tmp_path / "s.csv", "--keep", names, "--out", tmp_path / "r", code=2)
    assert "--keep" in said.output


def test_kept_and_dropped_is_told(tmp_path: Path, cli: Any) -> None:
    (tmp_path / "s.csv").write_text("video,label,a,b\nx,1,.9,.8\ny,0,.1,.2\n")
    both = ("--keep", "a", "--drop", "a", "--out", tmp_path / "r")
    assert (
        "both to be kept and to be dropped"
        in cli("stack", tmp_path / "s.csv", *both, code=2).output
    )
