from pathlib import Path

import pytest
import yaml

from headfreeze.annotate.declare import declare, declared
from headfreeze.data.folder import open_dataset
from headfreeze.errors import InputError
from headfreeze.tasks import make_task

EDGES = make_task("edges", {"kind": "segmentation", "classes": ["none", "edge"]})
ENTRY = "edges: {kind: segmentation, classes: [none, edge]}"

BLOCK = """# rooms, second batch
tasks:
  normals: {}   # made by hand
  # the classes of the old batch
  segmentation:
    classes: [floor, wall]  # and nothing else
# the end
licence: CC0
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (BLOCK, BLOCK.replace("nothing else\n", f"nothing else\n  {ENTRY}\n")),
        ("tasks: {normals: {}}\n", f"tasks: {{normals: {{}}, {ENTRY}}}\n"),
        ("tasks:\n  normals:", f"tasks:\n  normals:\n  {ENTRY}"),
        ("tasks:\n  x:\n    kind: segmentation\n    classes:\n    - a\n    - b\n\nmore: 1\n",) * 2,
    ],
)
def test_what_a_person_wrote_stays(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "dataset.yaml"
    path.write_text(before)
    declare(tmp_path, EDGES)
    text = path.read_text()
    assert text == (after if after != before else after.replace("    - b\n", f"    - b\n  {ENTRY}\n"))
    expected = yaml.safe_load(before)
    assert yaml.safe_load(text) == expected | {"tasks": expected["tasks"] | {"edges": EDGES.options()}}
    declare(tmp_path, EDGES)
    assert path.read_text() == text


@pytest.mark.parametrize("before", [None, "", "# nothing yet\n", "tasks: {}\n", "tasks:\n", "tasks: {normals: }\n"])
def test_a_file_without_tasks_and_other_styles_end_up_valid(tmp_path: Path, before: str | None) -> None:
    if before is not None:
        (tmp_path / "dataset.yaml").write_text(before)
    declare(tmp_path, EDGES)
    assert open_dataset(tmp_path).task("edges") == EDGES


def test_shared_parts_of_a_yaml_file_are_understood(tmp_path: Path) -> None:
    (tmp_path / "dataset.yaml").write_text("common: &c\n  tasks: {normals: {}}\n<<: *c\n")
    declare(tmp_path, EDGES)
    assert set(open_dataset(tmp_path).tasks) == {"normals", "edges"}


def test_another_task_of_the_same_name_is_refused(tmp_path: Path) -> None:
    text = "tasks: {edges: {kind: segmentation, classes: [edge, none]}}\n"
    (tmp_path / "dataset.yaml").write_text(text)
    with pytest.raises(
        InputError, match=r"dataset\.yaml: 'edges' is declared as .*\['edge', 'none'\].*choose another name"
    ):
        declare(tmp_path, EDGES)
    assert (tmp_path / "dataset.yaml").read_text() == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tasks: [unclosed", r"dataset\.yaml: not valid YAML \(.*expected ',' or ']'"),
        ("- a\n- b\n", r"dataset\.yaml: should hold a mapping such as 'tasks: \{normals: \{\}\}'"),
        ("tasks: [normals]\n", r"dataset\.yaml: should hold a mapping"),
    ],
)
def test_a_file_that_cannot_be_understood_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "dataset.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        declared(tmp_path)
    with pytest.raises(InputError, match=message):
        declare(tmp_path, EDGES)
    assert (tmp_path / "dataset.yaml").read_text() == text
