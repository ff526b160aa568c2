"""Several anchors and several main tasks: each is trained by its own loss, from its own labels and no others."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as nnf
from lightning.fabric import Fabric
from torch import Tensor

from headfreeze.data.batch import DeviceBatch
from headfreeze.errors import InputError
from headfreeze.models.network import Network, Outputs, OutputSpec, Read
from headfreeze.recipes import RECIPES
from headfreeze.run import Run, RunCard
from headfreeze.settings import Adversarial
from headfreeze.tasks import make_task
from headfreeze.training.fit import PlannedPhase, RecipeTraining, fit
from headfreeze.training.parts.consistency import Consistency
from headfreeze.training.parts.teacher import Teacher
from headfreeze.training.phase import PhaseTraining
from headfreeze.training.session import Session
from tests.audit import touched
from tests.runs import TINY, pair_of, same_bits, settings_of, training_of, weights_of
from tests.worlds import TinyPair

SEVERAL = {"main": ["normals", "depth"], "anchor": ["segmentation", "edges"]}


def trained(pair: TinyPair, out: Path, recipe: str, roles: dict[str, Any], **training: Any) -> RunCard:
    settings = training_of(**{"steps": 4, "batch_size": 2} | training)
    store = out.with_name(f"{out.name}-phases")
    return fit(recipe, pair_of(pair, **roles), out, architecture=TINY, training=settings, phases=store)


def phase_of(pair: TinyPair, store: Path, recipe: str, **training: Any) -> PhaseTraining:
    session = Session(settings_of(pair, SEVERAL | {"augment": "none"}, **training), store)
    trainer = RecipeTraining(session, RECIPES[recipe], 0, store / "run")
    planned = PlannedPhase(RECIPES[recipe].phases[0], 0, 1, None, False)
    return trainer.phase_training(planned, session.store.folder(trainer.spec(planned)))


# --- one of them


def test_a_list_of_one_is_the_same_run_to_the_bit(tiny_pair: TinyPair, tmp_path: Path) -> None:
    plain = trained(tiny_pair, tmp_path / "plain", "headfreeze+reading+checked", {"anchor": "depth"})
    listed = trained(tiny_pair, tmp_path / "listed", "headfreeze+reading+checked", {"anchor": ["depth"]})
    assert [phase["key"] for phase in plain.phases] == [phase["key"] for phase in listed.phases]
    assert same_bits(weights_of(tmp_path / "plain"), weights_of(tmp_path / "listed"))
    assert plain.tasks == {"main": {"name": "normals", "options": {}}, "anchor": {"name": "depth", "options": {}}}


# --- labels


@pytest.mark.parametrize(
    ("recipe", "unseen"),
    [
        ("baseline", ["source/segmentation", "source/edges", "target/depth"]),
        ("mtl-source", ["target/segmentation", "target/edges", "target/normals"]),
        ("mtl-target", ["source/segmentation", "source/edges", "target/depth"]),
        ("headfreeze", ["target/normals", "target/depth"]),
    ],
)
def test_garbage_in_labels_outside_of_the_supervision_changes_no_bit(
    recipe: str, unseen: list[str], edged_pair: TinyPair, tmp_path: Path
) -> None:
    copy = edged_pair.copy(tmp_path / "copy")
    for place in unseen:
        domain, task = place.split("/")
        for path in (getattr(copy, domain)).glob(f"*/{task}/*"):
            path.write_bytes(b"garbage")
    trained(edged_pair, tmp_path / "clean", recipe, SEVERAL)
    trained(copy, tmp_path / "dirty", recipe, SEVERAL)
    assert same_bits(weights_of(tmp_path / "clean"), weights_of(tmp_path / "dirty"))


def test_an_anchor_that_is_not_named_is_not_opened(edged_pair: TinyPair, tmp_path: Path) -> None:
    with touched() as paths:
        trained(edged_pair, tmp_path / "run", "oracle", SEVERAL | {"anchor": "edges"}, steps=1)
    opened = {path.parent.name for path in paths if path.suffix == ".png"}
    assert opened == {"image", "normals", "depth", "edges"}


def test_half_of_the_images_may_lack_one_anchor_and_no_loss_counts_them(edged_pair: TinyPair, tmp_path: Path) -> None:
    copy = edged_pair.copy(tmp_path / "copy")
    for path in sorted(copy.target.glob("train/segmentation/*"))[::2]:
        path.unlink()
    phase = phase_of(copy, tmp_path / "phases", "mtl-both", batch_size=8)
    batch = next(phase.supply.batches(0))
    label = batch.labels["target", "segmentation"].as_subclass(Tensor)
    lacking = (label == 255).flatten(1).all(1)
    assert 0 < int(lacking.sum()) < len(label)
    assert not (batch.labels["target", "edges"].as_subclass(Tensor)[lacking] == 255).all()
    phase.at.weights = dict.fromkeys(phase.data.tasks, 1.0)
    found = phase._gradients(batch, 0.0, 1.0)
    with torch.no_grad():
        output = phase.network(batch.image, batch.n_source).maps["segmentation"][batch.n_source :][~lacking]
    alone = nnf.cross_entropy(_as_large(output, label), label[~lacking, 0].long(), ignore_index=255)
    torch.testing.assert_close(found["loss_target_segmentation"].detach(), alone, rtol=1e-5, atol=0)


# --- losses


def _as_large(output: Tensor, label: Tensor) -> Tensor:
    return nnf.interpolate(output, size=label.shape[-2:], mode="bilinear", align_corners=False)


def test_the_loss_is_that_of_an_independent_computation(edged_pair: TinyPair, tmp_path: Path) -> None:
    phase = phase_of(edged_pair, tmp_path / "phases", "mtl-both")
    batch = next(phase.supply.batches(0))
    phase.at.weights = {"normals": 1.0, "depth": 0.7, "segmentation": 0.3, "edges": 0.2}
    found = {name: float(value.detach()) for name, value in phase._gradients(batch, 0.0, 1.0).items()}
    with torch.no_grad():
        maps = phase.network(batch.image, batch.n_source).maps
    n, wanted = batch.n_source, {}
    for domain, rows in (("source", slice(None, n)), ("target", slice(n, None))):
        for task in ("segmentation", "edges"):
            label = batch.labels[domain, task].as_subclass(Tensor)
            output = _as_large(maps[task][rows], label)
            wanted[domain, task] = nnf.cross_entropy(output, label[:, 0].long(), ignore_index=255)
    truth = {task: batch.labels["source", task].as_subclass(Tensor) for task in ("normals", "depth")}
    for task in truth:
        wanted["source", task] = make_task(task).loss(_as_large(maps[task][:n], truth[task]), truth[task])
    assert found.keys() == {"loss", *(f"loss_{domain}_{task}" for domain, task in wanted)}
    for (domain, task), value in wanted.items():
        assert found[f"loss_{domain}_{task}"] == pytest.approx(float(value), rel=1e-5)
    total = sum(
        phase.at.weights[task] * float(value) / (1 if task in truth else 2) for (_, task), value in wanted.items()
    )
    assert found["loss"] == pytest.approx(total, rel=1e-5)


def test_every_task_moves_its_own_output(edged_pair: TinyPair, tmp_path: Path) -> None:
    phase = phase_of(edged_pair, tmp_path / "phases", "mtl-both")
    before = {name: value.clone() for name, value in phase.network.state_dict().items()}
    phase.at.weights = dict.fromkeys(phase.data.tasks, 1.0)
    phase.take_step(phase.supply.batches(0))
    moved = {name.split(".")[1] for name, value in phase.network.state_dict().items()
             if name.startswith("maps.") and not torch.equal(value, before[name])}  # fmt: skip
    assert moved == {"normals", "depth", "segmentation", "edges"}


def test_both_main_tasks_learn(edged_pair: TinyPair, tmp_path: Path) -> None:
    trained(edged_pair, tmp_path / "run", "baseline", SEVERAL, steps=24, batch_size=4, validate_every=3)
    rows = (tmp_path / "run/metrics.csv").read_text().splitlines()
    names = rows[0].split(",")
    for task in SEVERAL["main"]:
        losses = [float(row.split(",")[names.index(f"val_source_{task}")]) for row in rows[1:]]
        assert losses[-1] < 0.7 * losses[0], task


def test_lambda_is_measured_against_the_first_main_task_or_given_to_every_anchor(
    edged_pair: TinyPair, tmp_path: Path
) -> None:
    measured = trained(edged_pair, tmp_path / "measured", "mtl-both", SEVERAL).phases[-1]["weights"]
    assert measured.keys() == {"normals", "depth", "segmentation", "edges"}
    assert measured["normals"] == 1
    assert len(set(measured.values())) == 4
    given = trained(edged_pair, tmp_path / "given", "mtl-both", SEVERAL, anchor_weight=0.3).phases[-1]["weights"]
    assert given == {"normals": 1, "depth": 1, "segmentation": 0.3, "edges": 0.3}


def test_the_order_of_tasks_is_part_of_the_key(edged_pair: TinyPair, tmp_path: Path) -> None:
    """Weights are drawn in that order."""
    session = [
        Session(settings_of(edged_pair, SEVERAL | {"anchor": anchors}), tmp_path)
        for anchors in (["segmentation", "edges"], ["edges", "segmentation"], ["edges"])
    ]
    planned = PlannedPhase(RECIPES["mtl-both"].phases[0], 0, 1, None, False)
    specs = [RecipeTraining(each, RECIPES["mtl-both"], 0, tmp_path).spec(planned) for each in session]
    assert len({each.store.folder(spec).key for each, spec in zip(session, specs, strict=True)}) == 3


# --- adversaries and parts


@pytest.mark.parametrize(("kind", "channels"), [("output", 3 + 1), ("joint", 3 + 1 + 3 + 2)])
def test_the_output_adversary_looks_at_every_main_task(
    kind: Any, channels: int, edged_pair: TinyPair, tmp_path: Path
) -> None:
    settings = settings_of(edged_pair, SEVERAL)
    session = Session(type(settings)(settings.pair, TINY, settings.training, Adversarial(kind)), tmp_path)
    trainer = RecipeTraining(session, RECIPES["mtl-both-da"], 0, tmp_path)
    planned = PlannedPhase(RECIPES["mtl-both-da"].phases[0], 0, 1, None, False)
    phase = trainer.phase_training(planned, session.store.folder(trainer.spec(planned)))
    assert phase.opponent is not None
    assert next(phase.opponent.adversary.discriminators["outputs"].parameters()).shape[1] == channels


def test_every_main_task_reads_every_anchor() -> None:
    torch.manual_seed(0)
    anchors = {name: make_task(name, {"kind": "segmentation", "classes": ["a", "b"]}) for name in ("one", "two")}
    reads = tuple(Read(name, 2, task.soft) for name, task in anchors.items())
    outputs = {"normals": OutputSpec(3, reads=reads), "depth": OutputSpec(1, reads=reads)}
    network = Network(outputs | dict.fromkeys(anchors, OutputSpec(2)), "tiny", width=8).eval()
    image = torch.rand(1, 3, 32, 32)
    for anchor in anchors:
        before = network(image).maps
        with torch.no_grad():
            network.maps[anchor].bias += torch.tensor([3.0, -3.0])
        after = network(image).maps
        changed = {name for name in after if not torch.allclose(before[name], after[name], atol=1e-5)}
        assert changed == {anchor, "normals", "depth"}


def test_the_teacher_labels_every_main_task_by_its_lambda(edged_pair: TinyPair, tmp_path: Path) -> None:
    torch.manual_seed(0)
    mains = [make_task("normals"), make_task("depth")]
    network = Network({task.name: OutputSpec(task.channels) for task in mains}, "tiny", width=8)
    part, alone_part = Teacher(network, mains), Teacher(network, mains[:1])
    batch = DeviceBatch(torch.rand(4, 3, 32, 32), {}, 2, clean=torch.rand(4, 3, 32, 32))
    with torch.no_grad():
        outputs = network(batch.image, 2)

    @torch.no_grad()
    def loss(**weights: float) -> float:
        return float(part.losses(outputs, batch, 1.0, weights)["loss_teacher"])

    with torch.no_grad():
        alone = float(alone_part.losses(outputs, batch, 1.0, {"normals": 1.0})["loss_teacher"])
    once, twice = loss(normals=1, depth=1), loss(normals=1, depth=2)
    assert once > alone > 0
    assert twice - once == pytest.approx(once - alone, rel=1e-4)
    assert loss(normals=2, depth=2) == pytest.approx(once), "what counts is λ beside that of the first"


def test_consistency_holds_the_main_task_to_every_anchor() -> None:
    torch.manual_seed(0)
    anchors = [make_task(name, {"kind": "segmentation", "classes": ["a", "b"]}) for name in ("one", "two")]
    part = Consistency(Fabric(accelerator="cpu", devices=1), make_task("normals"), anchors)
    label = torch.zeros(4, 1, 16, 16, dtype=torch.uint8)
    label[..., 8:] = 1
    labels = {(domain, name): label[:2] for domain in ("source", "target") for name in ("one", "two")}
    batch, normals = DeviceBatch(torch.rand(4, 3, 16, 16), labels, 2), torch.rand(4, 3, 16, 16)

    @torch.no_grad()
    def loss(one: float, two: float) -> float:
        weights = {"one": one, "two": two}
        return float(part.losses(Outputs({"normals": normals}, {}, {}), batch, 1.0, weights)["loss_consistency"])

    one, two = loss(1, 0), loss(0, 1)
    assert one != two
    assert loss(1, 1) == pytest.approx(one + two)
    assert loss(0.5, 2) == pytest.approx(0.5 * one + 2 * two)


def test_parts_with_several_tasks_train_and_are_loaded_again(edged_pair: TinyPair, tmp_path: Path) -> None:
    name = "mtl-both+reading+checked+uncertainty"
    trained(edged_pair, tmp_path / "run", name, SEVERAL, steps=6)
    run = Run(tmp_path / "run", "cpu")
    assert [task.name for task in run.roles["anchor"]] == SEVERAL["anchor"]
    for main in SEVERAL["main"]:
        assert run.network.maps[main].weight.shape[1] == TINY.width + 3 + 2
    found = run.predict(np.zeros((40, 50, 3), np.uint8))
    assert {task: value.shape[-2:] for task, value in found.items()} == dict.fromkeys(found, (40, 50))
    assert list(found) == ["depth", "edges", "normals", "segmentation"]


def test_consistency_with_several_main_tasks_is_refused(edged_pair: TinyPair, tmp_path: Path) -> None:
    name = "mtl-both+consistency"
    message = r"recipe 'mtl-both\+consistency': .* needs a single main task, and main is normals,depth; leave"
    with pytest.raises(InputError, match=message):
        trained(edged_pair, tmp_path / "run", name, SEVERAL)
    assert not (tmp_path / "run").exists()
