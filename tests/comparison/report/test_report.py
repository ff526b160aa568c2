"""The file that a report is: what it says, that it needs nothing else, and that nothing partial breaks it."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from headfreeze import cli
from headfreeze.comparison.card import read_results
from headfreeze.comparison.report import write_report
from headfreeze.comparison.tables.numbers import number
from headfreeze.comparison.verdict import verdict
from headfreeze.errors import InputError
from headfreeze.files import write_json
from headfreeze.run import Run
from tests.comparison.report.conftest import RECIPES
from tests.worlds import TinyPair

VOID = {"meta", "link", "img", "input", "br"}


class Page(HTMLParser):
    """The elements of a page; every one that is opened must be closed in its turn."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text, self.elements, self._open = "", [], []  # type: ignore[var-annotated]
        self.feed(path.read_text())
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self._open):
            self.text += data

    def values(self, attribute: str) -> list[str]:
        return [found for _, attributes in self.elements if (found := attributes.get(attribute)) is not None]


def copied(compared: Path, tmp_path: Path) -> Path:
    return shutil.copytree(compared, tmp_path / "out")


def test_it_says_what_the_results_say(compared: Path) -> None:
    page, results = Page(compared / "report.html"), read_results(compared)
    words = " ".join(page.text.split())
    assert " ".join(verdict(results).split()) in words
    for recipe in RECIPES:
        mean, std = results.mean(recipe), results.std(recipe)
        for metric in ("below_11_25", "rmse", "mean", "median"):
            assert number(metric, mean[metric]) in words
            assert f"± {number(metric, std[metric])}" in words
        for seed in (0, 1):
            assert f"seed {seed}: mean {number('mean', results.metrics[recipe][seed]['mean'])}" in words
    assert "8 trained; 8 without sharing" in words
    assert "headfreeze compare --source=" in words
    assert "2 steps are too few to judge the adversary by" in words


def test_nothing_is_fetched_every_link_leads_somewhere_and_every_picture_has_words(compared: Path) -> None:
    page = Page(compared / "report.html")
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    for tag, attributes in page.elements:
        if tag == "img" and attributes["id"] not in ("under", "over"):
            assert attributes["alt"]
        if tag == "link":
            assert attributes["href"] == "data:,"
        if tag == "script":
            assert "src" not in attributes
    for source in page.values("src"):
        assert source.startswith("data:image/webp;base64,")
    for link in [a["href"] for tag, a in page.elements if tag == "a"]:
        if link.startswith("#"):
            assert link[1:] in ids, link
        else:
            assert (compared / link).is_file(), link
    text = re.sub(r"xmlns(:\w+)?=\"[^\"]+\"", "", (compared / "report.html").read_text())
    assert not re.search(r"https?://|@import|url\((?!#)", text)


def test_a_second_report_computes_nothing_and_says_the_same(
    compared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied(compared, tmp_path)
    monkeypatch.setattr(Run, "_build", lambda *_: pytest.fail("a network was loaded"))
    monkeypatch.setattr("headfreeze.comparison.report.drawn.save", lambda *_: pytest.fail("a figure was drawn"))
    write_report(folder)
    texts = [(f / "report.html").read_text().replace(str(f), "DIR") for f in (compared, folder)]
    one, other = (re.sub(r"written [\d :-]+UTC", "", text) for text in texts)
    assert one == other


@pytest.mark.usefixtures("unrendered")
def test_of_a_comparison_half_way_it_says_so(compared: Path, tmp_path: Path) -> None:
    folder = copied(compared, tmp_path)
    for run in ("oracle-seed0", "oracle-seed1", "baseline-seed1"):
        shutil.rmtree(folder / "runs" / run)
    write_report(folder)
    words = " ".join(Page(folder / "report.html").text.split())
    assert "Not finished 3 of 6 runs are evaluated" in words
    assert "3 of 6 runs are there: this may change." in words
    assert "gap closed" in words
    assert "headfreeze report --watch out" in words


@pytest.mark.usefixtures("unrendered")
@pytest.mark.parametrize(
    "kept", [(), ("baseline-seed0",), ("oracle-seed1",), ("baseline-seed0", "headfreeze-da-seed1")]
)
def test_few_runs_or_none_make_a_report_too(kept: tuple[str, ...], compared: Path, tmp_path: Path) -> None:
    folder = copied(compared, tmp_path)
    for run in (folder / "runs").iterdir():
        if run.name not in kept:
            shutil.rmtree(run)
    write_report(folder)
    page = Page(folder / "report.html")
    assert ("Nothing to choose from yet" in page.text) == (kept in ((), ("oracle-seed1",)))
    assert ("nan" in re.findall(r"\b\w+\b", page.text)) is False
    if not kept:
        assert "No run is evaluated yet." in page.text
        assert not list((folder / "figures").glob("*.svg")), "those of the finished one are gone"


@pytest.mark.usefixtures("unrendered")
def test_without_the_data_or_the_counted_errors_there_is_the_rest(compared: Path, tmp_path: Path) -> None:
    folder = copied(compared, tmp_path)
    card = json.loads((folder / "comparison.json").read_text())
    card["settings"]["pair"]["target"] = str(tmp_path / "gone")
    write_json(folder / "comparison.json", card)
    for path in folder.glob("runs/*/evaluation/*/normals_errors.json"):
        path.unlink()
    write_report(folder)
    page = Page(folder / "report.html")
    for what in ("pictures", "features"):
        assert f"No {what}: {tmp_path / 'gone'}: no such folder" in page.text
    assert "No curves of errors" in page.text
    assert "How much better than the baseline" in page.text
    assert not (folder / "figures/curves.svg").exists()


@pytest.mark.usefixtures("unrendered")
def test_a_part_that_measures_labels_has_its_own_mark(compared: Path, tmp_path: Path) -> None:
    folder, name = copied(compared, tmp_path), "baseline+aligned"
    says = "(✓): labels that are measured before training, and not trained on."
    assert says not in Page(compared / "report.html").text
    for seed in (0, 1):
        run = (folder / f"runs/headfreeze-da-seed{seed}").rename(folder / f"runs/{name}-seed{seed}")
        write_json(run / "run.json", json.loads((run / "run.json").read_text()) | {"recipe": name})
    card = json.loads((folder / "comparison.json").read_text())
    write_json(folder / "comparison.json", card | {"recipes": ["baseline", name, "oracle"]})
    write_report(folder)
    page = Page(folder / "report.html")
    assert says in page.text
    marks = [
        attributes["aria-label"]
        for tag, attributes in page.elements
        if attributes.get("role") == "img" and tag == "span"
    ]
    assert marks == ["yes", "yes", "measured", "measured", "yes", "yes", "yes", "yes"]


def test_names_with_odd_characters_are_only_names(compared: Path, tmp_path: Path) -> None:
    folder, odd = copied(compared, tmp_path), "<b>my & $^$ 100% 'réseau'</b>".replace("/", "|")
    for seed in (0, 1):
        run = (folder / f"runs/headfreeze-da-seed{seed}").rename(folder / f"runs/{odd}-seed{seed}")
        card = json.loads((run / "run.json").read_text())
        write_json(run / "run.json", card | {"recipe": odd})
    card = json.loads((folder / "comparison.json").read_text())
    write_json(folder / "comparison.json", card | {"recipes": ["baseline", odd, "oracle"]})
    write_report(folder)
    page = Page(folder / "report.html")
    assert odd in page.text
    assert "b" not in {tag for tag, _ in page.elements}
    assert "a recipe of your own" in page.text
    from urllib.parse import unquote

    for link in [a["href"] for tag, a in page.elements if tag == "a" and not a["href"].startswith("#")]:
        assert (folder / unquote(link)).is_file(), link


@pytest.mark.usefixtures("unrendered")
@pytest.mark.parametrize(
    ("main", "anchor", "figure"),
    [("depth", "normals", "curves"), ("segmentation", "depth", "differences"), ("depth", "segmentation", "classes")],
)
def test_any_main_task_has_a_report(main: str, anchor: str, figure: str, tiny_pair: TinyPair, tmp_path: Path) -> None:
    from headfreeze.comparison.compare import compare
    from tests.runs import TINY, pair_of, training_of

    folder = tmp_path / "out"
    compare(
        pair_of(tiny_pair, main=main, anchor=anchor), folder, recipes=("baseline", "mtl-both"), seeds=(0,),
        architecture=TINY, training=training_of(steps=2, batch_size=2),
    )  # fmt: skip
    write_report(folder)
    page = Page(folder / "report.html")
    assert f"{main} on the target, anchor {anchor}" in page.text
    assert any(name.startswith(f"figure-{figure}") for name in page.values("id"))


def test_what_is_no_comparison_is_said_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match=r"no comparison here \(no comparison\.json\)"):
        write_report(tmp_path)
    for words in (["report", str(tmp_path)], ["report", "--watch", str(tmp_path)], ["report", "nowhere"]):
        assert cli.run(words) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert "no comparison here (no comparison.json); give the folder that `headfreeze compare --out`" in error
    assert list(tmp_path.iterdir()) == []
