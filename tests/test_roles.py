"""One task in a role, or several: how they are written, and what is wrong with them."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from headfreeze.arguments import Arguments
from headfreeze.cli import run
from headfreeze.data.pair import open_pair
from headfreeze.errors import InputError
from headfreeze.settings import Pair, Settings, as_flags
from headfreeze.training.commands import settings_of, training_arguments
from tests.runs import pair_of
from tests.worlds import TinyPair

BOTH = ("segmentation", "depth")


def pair(**roles: Any) -> Pair:
    return Pair(Path("a"), Path("b"), **{"main": "normals", "anchor": "depth"} | roles)


@pytest.mark.parametrize("given", [["depth"], ("depth",), "depth", " depth ", "depth,"])
def test_one_task_is_the_same_however_it_is_written(given: Any) -> None:
    assert pair(anchor=given) == pair()
    assert (pair(anchor=given).anchor, pair(anchor=given).anchors) == ("depth", ("depth",))
    assert Settings(pair(anchor=given)).as_dict()["pair"]["anchor"] == "depth"


@pytest.mark.parametrize("given", [list(BOTH), BOTH, "segmentation,depth", "segmentation, depth"])
def test_several_are_a_list_in_files_and_keep_their_order(given: Any) -> None:
    assert pair(anchor=given).anchors == BOTH
    written = json.loads(json.dumps(Settings(pair(anchor=given)).as_dict()["pair"]))
    assert written["anchor"] == list(BOTH)
    assert Pair(**written) == pair(anchor=BOTH)
    assert hash(Pair(**written)) == hash(pair(anchor=BOTH))


@pytest.mark.parametrize(
    ("roles", "problem"),
    [
        ({"anchor": "edges,depth,edges"}, "anchor is edges,depth,edges; name 'edges' once"),
        ({"main": ["normals", "normals"]}, "main is normals,normals; name 'normals' once"),
        ({"main": "normals,depth"}, "main and anchor are both 'depth'; a task can be one of them"),
        ({"anchor": []}, "anchor is empty; name a task, or several separated by commas"),
        ({"main": ","}, "main is empty; name a task, or several separated by commas"),
    ],
)
def test_tasks_that_cannot_be_are_said_in_a_line(roles: dict[str, Any], problem: str) -> None:
    assert list(pair(**roles).problems()) == [problem]


def test_each_task_that_the_data_lacks_is_named(tiny_pair: TinyPair, tmp_path: Path) -> None:
    copy = tiny_pair.copy(tmp_path)
    config = copy.target / "dataset.yaml"
    config.write_text(config.read_text().replace("  depth: {}\n", "").replace("blue", "green"))
    opened, problems = open_pair(pair_of(copy, main="normals,depht", anchor="segmentation,depth,lines"))
    assert opened is None
    assert [problem.replace(str(tmp_path), "") for problem in problems] == [
        "main: /source/dataset.yaml: unknown task 'depht': did you mean 'depth'? choose from depth, normals,"
        " segmentation",
        "anchor: the source declares 'segmentation' as {'classes': ['background', 'red', 'blue']}, the target as"
        " {'classes': ['background', 'red', 'green']}; make dataset.yaml of both agree",
        "anchor: /target/dataset.yaml: unknown task 'depth': choose from normals, segmentation",
        "anchor: /source/dataset.yaml: unknown task 'lines': choose from depth, normals, segmentation",
        "anchor: /target/dataset.yaml: unknown task 'lines': choose from normals, segmentation",
    ]


def parsed(*words: str) -> Settings:
    arguments = Arguments("test", "")
    training_arguments(arguments)
    values, faults = arguments.parse(["--out=o", "--source=a", "--target=b", *words])
    assert values is not None
    assert faults == []
    return settings_of(values)


def test_flags_take_commas_and_files_take_lists(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("main: [normals]\nanchor: [segmentation, depth]\n")
    wanted = pair(anchor=BOTH)
    assert parsed("--main=normals", "--anchor=segmentation,depth").pair == wanted
    assert parsed("--main", "normals", "--anchor", "segmentation,depth").pair == wanted
    assert parsed("--config", str(file)).pair == wanted
    assert parsed("--config", str(file), "--anchor=depth").pair == pair()
    assert parsed(*as_flags(Settings(wanted).as_dict())).pair == wanted, "as reports and searches print commands"
    file.write_text("main: normals\nanchor: {depth: 1}\n")
    with pytest.raises(InputError, match=r"anchor is .\{.depth.: 1\}.; expected text or a list, each text"):
        parsed("--config", str(file))


def test_a_printed_config_is_understood(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("main: [normals]\nanchor: [segmentation, depth]\n")
    assert run(["fit", "headfreeze", "--source=a", "--target=b", "--config", str(file), "--print_config"]) == 0
    printed = capsys.readouterr().out
    assert yaml.safe_load(printed)["anchor"] == ["segmentation", "depth"]
    values = {k: v for k, v in yaml.safe_load(printed).items() if k not in ("recipe", "out", "phases")}
    file.write_text(yaml.safe_dump(values))
    assert parsed("--config", str(file)).pair == pair(anchor=BOTH)
