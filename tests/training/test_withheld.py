"""Labels outside of the supervision are never opened, and images of a domain that a recipe does not use never seen."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

from headfreeze.comparison.compare import compare
from headfreeze.errors import InputError
from headfreeze.models.network import Network
from headfreeze.recipes import RECIPES, find_recipe
from headfreeze.training.parts import aligned
from tests.audit import touched
from tests.runs import TINY, fit_tiny, pair_of, same_bits, training_of, weights_of
from tests.worlds import TinyPair


@pytest.fixture(autouse=True)
def _few_labels_tell_the_angle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of cameras that are aligned: more take longer."""
    monkeypatch.setattr(aligned, "_IMAGES", 16)


TASK_OF = {"main": "normals", "anchor": "segmentation"}


def looked_at(recipe: str) -> set[tuple[str, str]]:
    return set(find_recipe(recipe).seen)


def below(paths: set[Path], folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in paths if path.is_relative_to(folder)}


@contextmanager
def forwarded() -> Iterator[list[tuple[int, int | None]]]:
    """How many images each call of a network in training got, and how many of them it was told are the source's."""
    seen: list[tuple[int, int | None]] = []

    def note(module: nn.Module, arguments: tuple[Tensor, int | None]) -> None:
        if isinstance(module, Network) and module.training:
            seen.append((len(arguments[0]), arguments[1]))

    handle = register_module_forward_pre_hook(note)
    try:
        yield seen
    finally:
        handle.remove()


@pytest.mark.parametrize("recipe", [*RECIPES, "headfreeze+aligned", "baseline+aligned"])
def test_fit_opens_and_lists_only_what_is_supervised_or_measured(
    recipe: str, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    with touched() as paths, forwarded() as batches:
        fit_tiny(recipe, tiny_pair, tmp_path / "run", steps=3, batch_size=3, workers=-1)
    for domain, root in (("source", tiny_pair.source), ("target", tiny_pair.target)):
        seen = below(paths, root)
        assert "dataset.yaml" in seen
        assert not {name for name in seen if name.startswith(("test", "train/depth", "val/depth"))}
        for role, task in TASK_OF.items():
            opened = {name for name in seen if f"/{task}" in name}
            assert bool(opened) == ((domain, role) in looked_at(recipe)), (domain, role)
        uses = any(d == domain for d, _ in looked_at(recipe)) or (domain == "target" and recipe.endswith("-da"))
        assert bool({name for name in seen if "image" in name}) == uses, domain
    phases = find_recipe(recipe.partition("+")[0]).phases  # a part that measures labels forwards no image of them
    expected = {tuple(phase.uses(domain) for domain in ("source", "target")): None for phase in phases}
    assert set(batches) == {(3 * (source + target), 3 * source) for source, target in expected}


ALL_PARTS = "mtl-both+teacher+consistency+fourier+reading+adabn+privileged+aligned"


@pytest.mark.parametrize("recipe", [*(n for n in RECIPES if ("target", "main") not in looked_at(n)), ALL_PARTS])
def test_garbage_in_the_targets_main_labels_changes_no_bit(recipe: str, tiny_pair: TinyPair, tmp_path: Path) -> None:
    copy = tiny_pair.copy(tmp_path)
    for path in copy.target.glob("*/normals/*"):
        path.write_bytes(b"garbage")
    shutil.rmtree(copy.target / "val/normals")
    fit_tiny(recipe, tiny_pair, tmp_path / "clean", steps=4, batch_size=2)
    fit_tiny(recipe, copy, tmp_path / "dirty", steps=4, batch_size=2)
    assert same_bits(weights_of(tmp_path / "clean"), weights_of(tmp_path / "dirty"))


def test_the_target_need_not_even_declare_the_main_task(tiny_pair: TinyPair, tmp_path: Path) -> None:
    copy = tiny_pair.copy(tmp_path)
    config = copy.target / "dataset.yaml"
    config.write_text(config.read_text().replace("  normals: {}\n", ""))
    declared = fit_tiny("headfreeze", tiny_pair, tmp_path / "declared", steps=2, batch_size=2)
    silent = fit_tiny("headfreeze", copy, tmp_path / "silent", steps=2, batch_size=2)
    assert [phase["key"] for phase in declared.phases] == [phase["key"] for phase in silent.phases]
    with pytest.raises(InputError, match=r"dataset.yaml: unknown task 'normals': choose from depth, segmentation"):
        fit_tiny("oracle", copy, tmp_path / "oracle")
    with pytest.raises(InputError, match=r"dataset.yaml: unknown task 'normals'"):
        compare(pair_of(copy), tmp_path / "out", recipes=["baseline"], architecture=TINY, training=training_of(steps=2))
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("unrendered")
def test_a_comparison_without_the_oracle_opens_the_targets_main_labels_of_the_test_split_only(
    tiny_pair: TinyPair, tmp_path: Path
) -> None:
    recipes = [name for name in RECIPES if name != "oracle"]
    with touched() as paths:
        compare(
            pair_of(tiny_pair),
            tmp_path / "out",
            recipes=recipes,
            seeds=[0],
            architecture=TINY,
            training=training_of(steps=3, batch_size=2),
        )
    opened = {name for name in below(paths, tiny_pair.target) if "normals" in name}
    assert opened
    assert all(name.startswith("test/") for name in opened)


def test_the_audit_sees_a_label_that_is_opened(tiny_pair: TinyPair, tmp_path: Path) -> None:
    """Otherwise the tests above would hold for nothing."""
    with touched() as paths:
        fit_tiny("oracle", tiny_pair, tmp_path / "run", steps=1, batch_size=2)
    assert {"train/normals", "train/normals/0000.png", "val/normals/0000.png"} <= below(paths, tiny_pair.target)
