"""Every command of the README and the docs runs, in the order in which one reads them, on few images for few steps."""

import re
import shlex
import shutil
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from examples import tune_adversary
from headfreeze.cli import run
from tests.annotate.portrait import portrait
from tests.annotate.small_models import depth_model, segmentation_model
from tests.nyuv2 import write_nyuv2
from tests.photos import write_photos, write_video
from tests.synth.heads.small_model import write_clone
from tests.unrendered import unrendered_figures

ROOT = Path(__file__).resolve().parents[1]
READING_ORDER = (
    "docs/training.md",
    "docs/search.md",
    "docs/methods.md",
    "docs/parts.md",
    "docs/evaluation.md",
    "docs/data.md",
    "docs/convert.md",
    "docs/anchors.md",
    "docs/landmarks.md",
    "docs/faces.md",
    "docs/rooms.md",
    "README.md",
    "docs/report.md",
    "docs/select.md",
    "docs/export.md",
    "docs/cluster.md",
    "docs/real-photographs.md",
    "docs/which-recipe.md",
)
RENDERED = ("docs/training.md", "docs/report.md")
"""Elsewhere the figures of reports are made, but not rendered: that takes long, and they are the same ones."""
TUNING = "examples/tune_adversary.py"
QUICK = {
    "synth": {"--source": "6", "--target": "6", "--workers": "1"},
    "fit": {"--steps": "4", "--batch_size": "2"},
    "compare": {"--steps": "4", "--batch_size": "2", "--seeds": "0"},
    "study": {"--steps": "4", "--batch_size": "2", "--seeds": "0"},
    "affinity": {"--steps": "2"},
    "search": {"--steps": "2", "--batch_size": "2", "--trials": "2"},
    TUNING: {"--steps": "2", "--batch_size": "2", "--weights": "0.01", "--rates": "0.001"},
}


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / document).read_text(), flags=re.DOTALL)


def commands(document: str) -> list[list[str]]:
    lines = (line for block in blocks(document, "sh") for line in block.replace("\\\n", " ").splitlines())
    words = [shlex.split(line, comments=True) for line in lines]
    return [w[1:] for w in words if w[:1] == ["headfreeze"] or w[:2] == ["python", TUNING]]


def pages() -> list[str]:
    return ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]


def snippets(document: str) -> list[str]:
    """The blocks of Python of a page, in order; those that are files of examples/ have tests of their own."""
    return [block for block in blocks(document, "python") if not block.startswith("--8<--\nexamples/")]


def quick(words: list[str]) -> list[str]:
    """The command with its numbers replaced by small ones; everything else stays as the docs have it."""
    replaced = QUICK.get(words[0], {})
    kept: list[str] = []
    for word in words:
        if kept and kept[-1] in replaced:
            kept.pop()
        else:
            kept.append(word)
    return [*kept, *(part for pair in replaced.items() for part in pair)]


def test_all_documents_are_read() -> None:
    with_commands = {f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md") if commands(f"docs/{p.name}")}
    assert with_commands <= set(READING_ORDER)
    assert snippets("docs/training.md")
    assert sum("examples/" in block for block in blocks("docs/programming.md", "python")) == 4


def test_every_command_and_every_block_of_python_run(
    face_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(Path("walk.mp4"))
    write_photos(Path("holiday"))
    write_nyuv2(Path("downloads/nyuv2"))
    depth_model(Path("models/depth"), "metric")
    segmentation_model(Path("models/segmentation"))
    write_clone(Path("ICT-FaceKit"))  # one of a few hundred vertices
    monkeypatch.setattr("headfreeze.annotate.face_models.default_folder", lambda: face_models)
    monkeypatch.setattr("headfreeze.selection.cross_task._STEPS", 4)
    monkeypatch.setattr("headfreeze.comparison.study._AFFINITY_STEPS", 2)
    Path("portraits/train/image").mkdir(parents=True)
    Image.fromarray(portrait()).save("portraits/train/image/her.jpg")
    for document in READING_ORDER:
        if document == "docs/faces.md" and not find_spec("embreex"):
            continue  # no wheel for Linux on ARM
        if document == "docs/real-photographs.md":  # "photos" stands for photographs of one's own
            shutil.copytree("rooms/target", "photos", ignore=lambda _, names: [n for n in names if n == "edges"])
            config = Path("photos/dataset.yaml")
            config.write_text(re.sub(r"  edges:.*", "", config.read_text()))
        with nullcontext() if document in RENDERED else unrendered_figures():
            for words in commands(document):
                if words[0] == TUNING:
                    tune_adversary.main(quick(words)[1:])
                else:
                    assert run(quick(words)) == 0, f"{document}: headfreeze {' '.join(words)}"
    Image.new("RGB", (60, 40)).save("photo.jpg")
    for document in pages():
        names: dict[str, object] = {}
        for block in snippets(document):
            exec(block.replace("1600", "4").replace("batch_size=24", "batch_size=2"), names)


@pytest.mark.parametrize("document", pages())
def test_links_and_pictures_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text()
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert ((ROOT / document).parent / link).exists(), link
