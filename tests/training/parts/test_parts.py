"""The parts of a recipe: each does what its paper says, and a recipe without it is the plain one to the bit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from headfreeze.data.augment import Augment, augmented
from headfreeze.data.batch import DeviceBatch
from headfreeze.data.styled import styled
from headfreeze.errors import InputError
from headfreeze.models.network import Network, Outputs, OutputSpec, Read
from headfreeze.recipes import PARTS, RECIPES, find_recipe, table
from headfreeze.run import Run
from headfreeze.settings import Architecture
from headfreeze.tasks import make_task
from headfreeze.tasks.base import Task
from headfreeze.training.fit import RecipeTraining
from headfreeze.training.losses import task_losses, total_loss
from headfreeze.training.parts.adabn import AdaptedNorm
from headfreeze.training.parts.balance import GradientNorms, Uncertainty
from headfreeze.training.parts.base import late
from headfreeze.training.parts.build import part_problems
from headfreeze.training.parts.consistency import Consistency
from headfreeze.training.parts.privileged import Privileged
from headfreeze.training.parts.teacher import Teacher
from tests.runs import TINY, fit_tiny, same_bits, session_of, settings_of, weights_of
from tests.training.test_withheld import forwarded
from tests.worlds import TinyPair

NORMALS, SEGMENTATION = make_task("normals"), make_task("segmentation", {"classes": ["floor", "wall"]})
MASK = make_task("mask", {"kind": "segmentation", "classes": ["floor", "wall"]})


# --- names


def test_parts_stand_behind_a_recipes_name() -> None:
    recipe = find_recipe("headfreeze+teacher+reading")
    assert [phase.parts for phase in recipe.phases] == [{"reading"}, {"reading", "teacher"}]
    assert [p.supervision for p in recipe.phases] == [p.supervision for p in RECIPES["headfreeze"].phases]
    assert recipe.phases[1].freeze_head
    assert find_recipe("headfreeze") is RECIPES["headfreeze"]
    lines = {line.split()[0]: line for line in table().splitlines() if line.startswith("+")}
    assert {name: line.endswith(", in every phase") for name, line in lines.items()} == {
        f"+{part.name}": part.every_phase for part in PARTS.values()
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mtl-bot+teacher", "unknown recipe 'mtl-bot': did you mean 'mtl-both'"),
        ("mtl-both+teachr", r"recipe 'mtl-both\+teachr': unknown part 'teachr': did you mean 'teacher'"),
        ("mtl-both+teacher+teacher", "the part 'teacher' is named twice; name it once"),
        ("baseline+reading", "the part 'reading' needs the labels y_Sa; add it to one of mtl-source, mtl-both"),
        ("mtl-both+teacher+checked", "'checked' is a teacher already; leave 'teacher' out"),
        ("mtl-both+gradnorm+uncertainty", "'uncertainty' and 'gradnorm' both choose λ; leave one out"),
        ("mtl-source+checked", "needs the labels y_Ta; add it to one of mtl-target, mtl-both"),
        ("mtl-target+privileged", "needs the labels y_Sa, y_Ta; add it to one of mtl-both"),
        ("mtl-target+consistency", "needs the labels y_Sa, y_Ta; add it to one of mtl-both"),
    ],
)
def test_names_that_are_none_say_what_to_write(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_recipe(name)


def test_parts_that_cannot_do_are_refused_before_training(tiny_pair: TinyPair, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"adabn.*takes new batch statistics, and norm is frozen; leave the part out"):
        fit_tiny("mtl-both+adabn", tiny_pair, tmp_path / "run", Architecture("tiny", pretrained=False, norm="frozen"))
    assert not (tmp_path / "run-phases").exists()


def test_all_that_parts_cannot_do_is_told_at_once(tiny_pair: TinyPair) -> None:
    points = make_task("keypoints", {"count": 3, "mirror": []})
    names = ["mtl-both+consistency+aligned", "headfreeze+teacher+adabn", "mtl-both+reading+gradnorm", "mtl-both"]
    recipes = [find_recipe(name) for name in names]
    own = Architecture("tests.own_networks:plain", norm="frozen")
    settings = replace(settings_of(tiny_pair, {"augment": "none"}), architecture=own)
    assert part_problems(settings, recipes, {"main": [NORMALS, points], "anchor": [SEGMENTATION]}) == [
        f"recipe '{recipe}': the part '{part}' {why}; leave the part out"
        for recipe, part, why in (
            (names[0], "consistency", "needs labels for each pixel, and 'keypoints' has points"),
            (names[0], "consistency", "needs a single main task, and main is normals,keypoints"),
            (names[0], "aligned", "turns cameras, and augment is none"),
            (names[1], "teacher", "needs a main task with an error for each pixel, and 'keypoints' has none"),
            (names[1], "adabn", "takes new batch statistics, and norm is frozen"),
            (names[2], "reading", "is built into our networks, and 'tests.own_networks:plain' is your own"),
            (names[2], "gradnorm", "needs features that 'tests.own_networks:plain' may not give"),
        )
    ]


# --- without and with


def test_a_plain_recipes_phases_have_the_keys_that_they_had(tiny_pair: TinyPair, tmp_path: Path) -> None:
    session = session_of(tiny_pair, tmp_path)

    def specs(name: str) -> list[dict[str, object]]:
        training = RecipeTraining(session, find_recipe(name), 0, tmp_path / "run")
        return [training.spec(planned) for planned, _ in training.places()]

    plain = specs("headfreeze")
    assert not any("parts" in spec for spec in plain)
    with_teacher = specs("headfreeze+teacher")
    assert with_teacher[0] == plain[0], "the first phase is shared"
    assert with_teacher[1] == plain[1] | {"parts": ["teacher"]}


@pytest.mark.parametrize(
    "part",
    [
        "teacher",
        "checked",
        "consistency",
        "fourier",
        "adabn",
        "reading",
        "uncertainty",
        "gradnorm",
        "privileged",
        "aligned",
    ],
)
def test_each_part_changes_the_result(part: str, tiny_pair: TinyPair, tmp_path: Path) -> None:
    for recipe in ("mtl-both", f"mtl-both+{part}"):
        fit_tiny(recipe, tiny_pair, tmp_path / recipe, phases=tmp_path / "phases", steps=10)
    plain, other = (weights_of(tmp_path / recipe) for recipe in ("mtl-both", f"mtl-both+{part}"))
    assert not same_bits(plain, other)
    card = Run(tmp_path / f"mtl-both+{part}").card
    assert card.parts == [part]


@pytest.mark.parametrize("part", ["fourier", "adabn"])
def test_parts_that_only_look_at_the_target_train_on_no_image_of_it(
    part: str, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    with forwarded() as batches:
        fit_tiny(f"mtl-source+{part}", tiny_pair, tmp_path / "run", steps=2, batch_size=3)
    of_training = [batch for batch in batches if batch[1] != 0]
    assert of_training
    assert set(of_training) == {(3, 3)}
    assert (len(of_training) < len(batches)) == (part == "adabn")


# --- teacher


class Lopsided(nn.Module):
    """Normals that lean to the right in the left half of the image, whatever it shows, and face the viewer else."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.domain = "source"

    def forward(self, image: Tensor) -> Outputs:
        out = torch.zeros_like(image)
        out[:, 2] = self.scale
        out[:, 0, :, : image.shape[-1] // 4] = 1  # 45 degrees
        return Outputs({"normals": out}, {}, {})


def test_the_teacher_gives_no_label_where_the_mirrored_image_contradicts_it() -> None:
    label = Teacher(Lopsided(), [NORMALS]).labels(torch.rand(2, 3, 8, 16))["normals"]
    valid = NORMALS.valid(label)[:, 0]
    # mirrored back, the leaning quarter is at the right and leans to the left
    assert valid[..., 4:12].all()
    assert not valid[..., :4].any()
    assert not valid[..., 12:].any()
    assert torch.equal(label[:, :, 2, 6], torch.tensor([[0.0, 0, 1]] * 2))


def test_a_checked_teacher_gives_no_label_where_its_anchor_is_wrong_or_unknown() -> None:
    class Both(Lopsided):
        def forward(self, image: Tensor) -> Outputs:
            floor = torch.cat([torch.ones_like(image[:, :1]), torch.zeros_like(image[:, :1])], 1)
            return Outputs(super().forward(image).maps | {"segmentation": floor, "mask": floor}, {}, {})

    def labelled(known: dict[str, Tensor], *anchors: Task) -> list[bool]:
        """Which rows have labels; the middle of a row has all or none."""
        found = Teacher(Both(), [NORMALS], anchors).labels(torch.rand(1, 3, 8, 16), known)["normals"]
        middle = NORMALS.valid(found)[0, 0, :, 4:12]
        assert torch.equal(middle.all(1), middle.any(1))
        return middle.all(1).tolist()

    known = torch.zeros(1, 1, 8, 16, dtype=torch.uint8)
    known[..., 2, :], known[..., 5, :] = 1, 255
    assert labelled({"segmentation": known}, SEGMENTATION) == [row not in (2, 5) for row in range(8)]
    # of two anchors each can object, and one that does not know leaves it to the other
    other = known.roll(1, -2)
    both = labelled({"segmentation": known, "mask": other}, SEGMENTATION, MASK)
    assert both == [row not in (2, 3) for row in range(8)]
    other[..., 5, :] = 255
    assert not labelled({"segmentation": known, "mask": other}, SEGMENTATION, MASK)[5], "nobody knows"


def test_the_teacher_comes_late_and_sees_the_image_before_its_light_was_changed() -> None:
    network = Lopsided()
    teacher = Teacher(network, [NORMALS])
    batch = DeviceBatch(torch.rand(4, 3, 8, 16), {}, 2, clean=torch.rand(4, 3, 8, 16))
    output = torch.zeros(4, 3, 8, 16, requires_grad=True)
    outputs = Outputs({"normals": output + torch.tensor([0.0, 1, 0]).view(1, 3, 1, 1)}, {}, {})
    seen: list[Tensor] = []
    teacher.average.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    assert teacher.losses(outputs, batch, 0.39, {"normals": 1.0})["loss_teacher"] == 0
    assert not seen
    half, whole = (
        teacher.losses(outputs, batch, progress, {"normals": 1.0})["loss_teacher"] for progress in (0.5, 0.7)
    )
    assert batch.clean is not None
    assert torch.equal(seen[0], batch.clean[2:])
    torch.testing.assert_close(half * 2, whole)
    whole.backward()
    assert output.grad is not None
    assert not output.grad[:2].any()
    assert output.grad[2:, :, :, 4:12].any()


def test_the_teacher_follows_the_network() -> None:
    network = Lopsided()
    teacher = Teacher(network, [NORMALS])
    teacher.stepped(0.0)
    with torch.no_grad():
        network.scale.fill_(2.0)
    teacher.stepped(0.0)
    assert float(teacher.average.module.scale.detach()) == pytest.approx(1.01)


def test_the_clean_image_has_the_geometry_of_the_augmented_one() -> None:
    stripes = (torch.arange(48) // 8 % 2 * 255).byte().expand(6, 3, 48, 48).clone()
    batch = DeviceBatch(stripes, {}, 3)
    found = augmented(batch, Augment("photometric", rotate_deg=10.0), torch.Generator().manual_seed(1))
    plain = augmented(
        DeviceBatch(stripes, {}, 3), Augment("geometric", rotate_deg=10.0), torch.Generator().manual_seed(1)
    )
    assert found.clean is not None
    assert torch.equal(found.clean, plain.image)
    assert not torch.equal(found.image, found.clean)
    assert found.part(1, 3).clean is not None
    assert torch.equal(found.part(1, 3).clean, found.clean[[1, 4]])


def test_late() -> None:
    assert [late(at) for at in (0.0, 0.4, 0.5, 0.6, 1.0)] == pytest.approx([0, 0, 0.5, 1, 1])


# --- Fourier


def test_the_lowest_amplitudes_are_the_targets_and_all_phases_the_sources() -> None:
    rng = np.random.default_rng(3)
    image, style = (rng.random((2, 3, 40, 60)) for _ in range(2))
    found = styled(
        torch.from_numpy(image), torch.from_numpy(style), torch.ones(2, 1, 1, 1, dtype=torch.float64)
    ).numpy()
    own, other, mixed = (np.fft.fftshift(np.fft.fft2(x), axes=(-2, -1)) for x in (image, style, found))
    low = np.zeros((40, 60), bool)
    low[20 - 2 : 20 + 3, 30 - 2 : 30 + 3] = True  # 0.05 × 40 = 2 periods either way
    np.testing.assert_allclose(np.abs(mixed[..., low]), np.abs(other[..., low]))
    np.testing.assert_allclose(mixed[..., ~low], own[..., ~low], atol=1e-9)
    np.testing.assert_allclose(np.exp(1j * np.angle(mixed)), np.exp(1j * np.angle(own)), atol=1e-6)


def test_no_share_of_another_style_is_no_change() -> None:
    image, style = torch.rand(2, 3, 17, 33), torch.rand(2, 3, 17, 33)
    torch.testing.assert_close(styled(image, style, torch.zeros(2, 1, 1, 1)), image)


# --- AdaBN


def test_statistics_are_the_targets_and_frozen_layers_keep_theirs() -> None:
    network = nn.Sequential(nn.BatchNorm2d(3), nn.BatchNorm2d(3))
    frozen = network[1]
    frozen.train = lambda _=True: frozen  # as `hold_in_eval` has it
    frozen.training = False
    before = {name: value.clone() for name, value in frozen.state_dict().items()}
    images = [torch.rand(6, 3, 5, 5) * scale for scale in (1.0, 2.0)]

    class Told(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = network

        def forward(self, image: Tensor, n_source: int) -> Tensor:
            assert n_source == 0
            return self.body(image)

    AdaptedNorm().finished(Told(), lambda: iter(DeviceBatch(image, {}, 2) for image in images))
    first = network[0]
    assert isinstance(first, nn.BatchNorm2d)
    assert first.running_mean is not None
    assert first.momentum == 0.1
    expected = np.mean([image[2:].numpy().mean((0, 2, 3)) for image in images], axis=0)
    np.testing.assert_allclose(first.running_mean.numpy(), expected, rtol=1e-5)
    assert same_bits(before, frozen.state_dict())


def test_with_norms_for_each_domain_the_sources_stay(tiny_pair: TinyPair, tmp_path: Path) -> None:
    own = Architecture("tiny", width=8, norm="per_domain")
    for recipe in ("mtl-both", "mtl-both+adabn"):
        fit_tiny(recipe, tiny_pair, tmp_path / recipe, own, phases=tmp_path / "phases")
    plain, adapted = (weights_of(tmp_path / recipe) for recipe in ("mtl-both", "mtl-both+adabn"))
    changed = [name for name in plain if not torch.equal(plain[name], adapted[name])]
    assert {name.rpartition(".")[2] for name in changed} == {"running_mean", "running_var", "num_batches_tracked"}
    assert all(".target." in name for name in changed)


def test_under_headfreeze_only_what_trains_gets_new_statistics(tiny_pair: TinyPair, tmp_path: Path) -> None:
    for recipe in ("headfreeze", "headfreeze+adabn"):
        fit_tiny(recipe, tiny_pair, tmp_path / recipe, phases=tmp_path / "phases")
    plain, adapted = (weights_of(tmp_path / recipe) for recipe in ("headfreeze", "headfreeze+adabn"))
    changed = {name for name in plain if not torch.equal(plain[name], adapted[name])}
    assert changed
    assert all("running" in name or "num_batches" in name for name in changed)
    assert not [name for name in changed if name.startswith(("maps", "vectors"))]


# --- reading


def test_the_main_output_reads_the_predicted_anchor() -> None:
    torch.manual_seed(0)
    read = Read("segmentation", 2, SEGMENTATION.soft)
    network = Network({"normals": OutputSpec(3, reads=(read,)), "segmentation": OutputSpec(2)}, "tiny", width=8).eval()
    assert list(network(torch.rand(1, 3, 32, 32)).maps) == ["normals", "segmentation"]
    image = torch.rand(1, 3, 30, 34)
    before = network(image).maps["normals"]
    with torch.no_grad():
        network.maps["segmentation"].bias += torch.tensor([3.0, -3.0])
    assert not torch.allclose(before, network(image).maps["normals"], atol=1e-5), "its bias reaches the normals"
    with torch.no_grad():
        network.maps["segmentation"].bias += 5
    torch.testing.assert_close(network(image).maps["normals"].shape, before.shape)


def test_a_reading_run_is_loaded_and_its_reading_is_frozen(tiny_pair: TinyPair, tmp_path: Path) -> None:
    out = tmp_path / "run"
    fit_tiny("headfreeze+reading", tiny_pair, out)
    run = Run(out, "cpu")
    assert run.network.maps["normals"].weight.shape[1] == TINY.width + run.tasks["segmentation"].channels
    found = run.predict(np.zeros((40, 50, 3), np.uint8))
    assert found["normals"].shape == (3, 40, 50)


# --- consistency


def batch_of(label: Tensor) -> DeviceBatch:
    labels = {("source", "segmentation"): label[:2], ("target", "segmentation"): label[2:]}
    return DeviceBatch(torch.rand(4, 3, 16, 16), labels, 2)


def test_the_map_learns_on_the_source_and_is_frozen_before_it_teaches() -> None:
    torch.manual_seed(0)
    part = Consistency(Fabric(accelerator="cpu", devices=1), NORMALS, [SEGMENTATION], span=(0.5, 1.0))
    label = torch.zeros(4, 1, 16, 16, dtype=torch.uint8)
    label[..., 8:] = 1
    normals = torch.zeros(4, 3, 16, 16)
    normals[:, 1, :, :8], normals[:, 2, :, 8:] = 4, 4  # the floor faces up, the wall faces the viewer
    for _ in range(150):
        output = normals.clone().requires_grad_()
        found = part.losses(Outputs({"normals": output}, {}, {}), batch_of(label), 0.6, {})
        assert found["loss_consistency"] == 0
        found["loss_map"].backward()
        assert output.grad is None, "only the map learns"
        part.stepped(0.6)
    before = {name: value.clone() for name, value in part.map.state_dict().items()}
    assert float(found["loss_map"].detach()) < 0.05

    weights = {"segmentation": 0.25}

    def loss(normals: Tensor, progress: float = 0.9) -> Tensor:
        return part.losses(Outputs({"normals": normals}, {}, {}), batch_of(label), progress, weights)[
            "loss_consistency"
        ]

    assert loss(normals.flip(-1)) > 10 * loss(normals), "main and anchor contradict each other"
    assert loss(normals.flip(-1), 0.7) == 0, "it begins at 40 % of its phase"
    one = loss(normals)
    weights["segmentation"] = 0.5
    torch.testing.assert_close(loss(normals), 2 * one)
    wrong = normals.flip(-1).clone().requires_grad_()
    loss(wrong).backward()
    part.stepped(0.9)
    assert wrong.grad is not None
    assert wrong.grad[2:].any()
    assert not wrong.grad[:2].any()
    assert same_bits(before, part.map.state_dict())


# --- λ


def test_learnt_uncertainty_ends_where_the_loss_is_one() -> None:
    part = Uncertainty(Fabric(accelerator="cpu", devices=1), ["normals", "segmentation"])
    losses = {"normals": 0.25, "segmentation": 4.0}
    batch = DeviceBatch(torch.zeros(1), {("source", task): torch.zeros(1) for task in losses}, 1)
    terms = {("source", task): torch.tensor(loss) for task, loss in losses.items()}
    outputs = Outputs({}, {}, {})
    for _ in range(800):
        weights = part.weighted(terms, outputs, {"normals": 1.0, "segmentation": 0.5})
        (total_loss(terms, weights) + part.losses(outputs, batch, 0.5, {})["loss_uncertainty"]).backward()
        part.stepped(0.5)
    # the minimum of λ L exp(-s) + s lies at s = log(λ L), where the loss counts λ L / (λ L) = 1
    found = {task: float(weight.detach()) * losses[task] for task, weight in weights.items()}
    assert found == pytest.approx({"normals": 1.0, "segmentation": 1.0}, rel=0.02)
    none_of_it = DeviceBatch(torch.zeros(1), {("source", "normals"): torch.zeros(1)}, 1)
    assert part.losses(outputs, none_of_it, 0.5, {})["loss_uncertainty"] == part.s["normals"]


def test_gradients_at_the_shared_features_are_equally_large_and_remembered() -> None:
    part = GradientNorms(Fabric(accelerator="cpu", devices=1), "normals")
    shared = torch.rand(2, 3, 4, 4, requires_grad=True)
    outputs = Outputs({}, {}, {"up2": torch.rand(1), "up3": shared})
    terms = {
        ("source", "normals"): 3 * shared[0].sum(),
        ("source", "segmentation"): 10 * shared[0].sum(),
        ("target", "segmentation"): 30 * shared[1].sum(),
    }
    weights = part.weighted(terms, outputs, {"normals": 1.0, "segmentation": 0.1, "elsewhere": 0.7})
    pulls = {task: torch.autograd.grad(loss, shared, retain_graph=True)[0] for task, loss in task_losses(terms).items()}
    assert weights["normals"] == 1
    assert weights["elsewhere"] == 0.7
    anchor = float(weights["segmentation"] * pulls["segmentation"].norm())
    assert anchor == pytest.approx(float(pulls["normals"].norm()), rel=1e-6)
    calmer = {key: term * (0.1 if key[1] == "segmentation" else 1) for key, term in terms.items()}
    later = part.weighted(calmer, outputs, {"normals": 1.0, "segmentation": 0.1})
    assert float(later["segmentation"] / weights["segmentation"]) == pytest.approx(1 / (0.9 + 0.1 * 0.1))
    again = GradientNorms(Fabric(accelerator="cpu", devices=1), "normals")
    again.load_state_dict(part.state_dict())
    assert again.weighted(calmer, outputs, weights) == part.weighted(calmer, outputs, weights)


# --- privileged


def told_by_the_anchor(seed: int) -> DeviceBatch:
    """Images of noise; floors look up and walls at the viewer, which their classes alone tell. No target normals."""
    generator = torch.Generator().manual_seed(seed)
    classes = torch.randint(2, (8, 1, 4, 4), generator=generator).repeat_interleave(4, 2).repeat_interleave(4, 3)
    normals = torch.cat([torch.zeros_like(classes), 1 - classes, classes], 1).float()
    labels = {
        ("source", "normals"): NORMALS.wrap(normals[:4], (16, 16)),
        ("source", "segmentation"): SEGMENTATION.wrap(classes[:4].byte(), (16, 16)),
        ("target", "segmentation"): SEGMENTATION.wrap(classes[4:].byte(), (16, 16)),
    }
    image = torch.rand(8, 3, 16, 16, generator=generator)
    batch = DeviceBatch(image, labels, 4)
    batch.clean = image
    return batch


def flat_outputs() -> Outputs:
    return Outputs({"normals": torch.zeros(8, 3, 8, 8, requires_grad=True)}, {}, {})


def test_the_informed_network_carries_what_the_anchor_tells_over_to_the_target() -> None:
    torch.manual_seed(0)
    part = Privileged(Fabric(accelerator="cpu", devices=1), [NORMALS], [SEGMENTATION])
    for step in range(200):
        batch = part.prepared(told_by_the_anchor(step), torch.Generator())
        part.losses(flat_outputs(), batch, step / 200, {"normals": 1.0})["loss_informed"].backward()
        part.stepped(step / 200)
    unseen = told_by_the_anchor(1000)
    label = part.labels(unseen.only("target"))["normals"].as_subclass(Tensor)
    upright = label[:, 1] > label[:, 2]
    floor = unseen.labels["target", "segmentation"].as_subclass(Tensor)[:, 0] == 0
    assert (upright == floor).float().mean() > 0.9


def test_the_two_networks_of_privileged_learn_from_nothing_of_each_other() -> None:
    part = Privileged(Fabric(accelerator="cpu", devices=1), [NORMALS], [SEGMENTATION])
    outputs, batch = flat_outputs(), part.prepared(told_by_the_anchor(0), torch.Generator())
    found = part.losses(outputs, batch, 0.05, {"normals": 1.0})
    assert not found["loss_privileged"], "too early"
    found = part.losses(outputs, batch, 1.0, {"normals": 1.0})
    found["loss_privileged"].backward(retain_graph=True)
    assert all(p.grad is None for p in part.informed.parameters())
    gradient = outputs.maps["normals"].grad
    assert gradient is not None
    assert gradient[4:].any()
    assert not gradient[:4].any(), "the source has labels of its own"
    outputs.maps["normals"].grad = None
    found["loss_informed"].backward()
    assert outputs.maps["normals"].grad is None
    assert all(p.grad is not None for p in part.informed.parameters())


def test_the_informed_network_sees_from_other_cameras_what_the_network_sees_as_it_is() -> None:
    batch, generator = told_by_the_anchor(0), torch.Generator().manual_seed(0)
    seen = {}
    for rotate_deg in (0.0, 20.0):
        turned = Augment("geometric", rotate_deg=rotate_deg)
        part = Privileged(Fabric(accelerator="cpu", devices=1), [NORMALS], [SEGMENTATION], augment=turned)
        assert part.prepared(batch, generator) is batch
        seen[rotate_deg] = part.source
    assert torch.equal(seen[0.0].image, batch.image[:4])
    assert "target" not in {domain for domain, _ in seen[20.0].labels}
    normals = seen[20.0].labels["source", "normals"].as_subclass(Tensor)
    tilt_deg = torch.rad2deg(normals.flatten(2).amax(-1)[:, 1].clamp(max=1).acos())  # of floors, (0, 1, 0) as they were
    assert 2 < tilt_deg.mean() < 20
    assert tilt_deg.max() < 1.5 * 20 * 1.5


def test_main_tasks_of_points_get_no_privileged_labels(tiny_pair: TinyPair) -> None:
    points, settings = make_task("keypoints", {"count": 3, "mirror": []}), settings_of(tiny_pair)
    recipe, roles = find_recipe("mtl-both+privileged"), {"main": [points], "anchor": [SEGMENTATION]}
    assert part_problems(settings, [recipe], roles) == [
        "recipe 'mtl-both+privileged': the part 'privileged' needs main tasks with labels for each pixel, and"
        " 'keypoints' has points; leave the part out"
    ]
