"""A network of the user's is trained, frozen, opposed, judged and read back like one of ours, or refused in a line."""

import importlib
import json
import linecache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from headfreeze.comparison.compare import compare
from headfreeze.data.canvas import Canvas
from headfreeze.errors import InputError
from headfreeze.inference.predictor import Predictor
from headfreeze.models.network import OutputSpec
from headfreeze.models.norm import DomainNorm
from headfreeze.models.own import OwnNetwork, import_builder, own_network
from headfreeze.recipes import RECIPES
from headfreeze.run import Run, RunCard, build_network
from headfreeze.settings import Adversarial, Architecture, Settings
from headfreeze.tasks import Task, make_task
from headfreeze.training.fit import PlannedPhase, RecipeTraining, fit
from headfreeze.training.session import Session
from tests import own_networks
from tests.runs import fit_tiny, pair_of, training_of, weights_of
from tests.worlds import TinyPair

OUTPUTS = {"normals": OutputSpec(3), "segmentation": OutputSpec(5)}
STAGED = Architecture("tests.own_networks:staged")


def own(name: str, **options: object) -> OwnNetwork:
    torch.manual_seed(0)
    return own_network(f"tests.own_networks:{name}", OUTPUTS, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("hf-hub:timm/resnet18", "backbone 'hf-hub:timm/resnet18': give package.module:function, a timm name, or tiny"),
        ("a:b:c", "backbone 'a:b:c': give package.module:function"),
        ("os.system:", "backbone 'os.system:': give package.module:function"),
        ("no_such_module:build", "no module no_such_module; call from the folder that holds it, install it, or set"),
        ("tests.no_such:build", r"there is no module tests\.no_such"),
        ("tests.own_networks:stagd", "unknown function 'stagd': did you mean 'staged'"),
        ("tests.own_networks:other_argument", "other_argument is no function of one argument, outputs"),
        ("tests.own_networks:VALUE", "VALUE is no function of one argument, outputs"),
        ("os:system", "system is no function of one argument, outputs"),
        ("tests.own_networks:number", r"gives a int; it must build a torch\.nn\.Module"),
        ("tests.own_networks:failing", r"building it failed \(KeyError: 'no such layer'\)"),
        ("tests.own_networks:picky", r"Picky fails on images of 64x64 pixels \(RuntimeError: wrong input shape\)"),
        ("tests.own_networks:listing", r"Listing gives a list; give \{task: map\} or headfreeze\.Outputs"),
        ("tests.own_networks:forgetful", r"does not give the map of 'segmentation'; it must be there, \(b, 5, h, w\)"),
        ("tests.own_networks:narrow", r"the map of 'normals' as \(2, 7, 16, 16\) for 2 images; it must be \(b, 3, h"),
        ("tests.own_networks:flat", r"the map of 'normals' as \(2, 8\) for 2 images; it must be \(b, 3, h, w\)"),
    ],
)
def test_what_does_not_do_is_refused_in_a_line(path: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        own_network(path, OUTPUTS)
    assert "\n" not in str(raised.value)
    assert f"backbone '{path}'" in str(raised.value)


def test_a_task_that_wants_numbers_per_image_must_get_them() -> None:
    with pytest.raises(InputError, match=r"does not give the vector of 'points'; it must be there, \(b, 4\)"):
        own_network("tests.own_networks:plain", {"points": OutputSpec(4, 4)})


def test_a_module_that_cannot_be_imported_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    Path("broken_network.py").write_text("import no_such_library\n")
    with pytest.raises(InputError, match=r"importing broken_network failed \(ModuleNotFoundError: No module named"):
        import_builder("broken_network:build")


def test_modules_of_the_working_folder_are_found_after_all_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", ["/nowhere"])
    monkeypatch.chdir(tmp_path)
    source = "def build(outputs):\n    return 1\n"
    Path("network_right_here.py").write_text(source)
    assert import_builder("network_right_here:build")({}) == 1


def test_trying_it_out_leaves_weights_mode_and_random_numbers_alone() -> None:
    module = own_networks.drawing(OUTPUTS)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    module.train()
    state = torch.get_rng_state()
    OwnNetwork(module, OUTPUTS)
    assert torch.equal(torch.get_rng_state(), state)
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize("policy", ["shared", "frozen", "per_domain"])
def test_the_norm_policy_acts_on_its_layers_from_outside(policy: str) -> None:
    network = own("staged", norm=policy).train()
    images = torch.rand(6, 3, 32, 32)
    images[3:] += 4
    network(images, n_source=3)
    norm = network.module.body[1]  # type: ignore[index, union-attr]
    if policy == "per_domain":
        assert isinstance(norm, DomainNorm)
        body = network.module.body[0](images)  # type: ignore[index, union-attr, operator]
        torch.testing.assert_close(norm.source.running_mean, 0.1 * body[:3].mean((0, 2, 3)))
        start = 0.9 * norm.source.running_mean * 0  # a copy of the source's at its start
        torch.testing.assert_close(norm.target.running_mean, start + 0.1 * body[3:].mean((0, 2, 3)))
        return
    assert isinstance(norm, nn.BatchNorm2d)
    assert bool(norm.running_mean.any()) == (policy == "shared")  # type: ignore[union-attr]
    assert norm.weight.requires_grad == (policy == "shared")
    neck = network.module.neck[1]  # type: ignore[index, union-attr]
    assert neck.weight.requires_grad, "frozen fixes scale and bias in the first stage alone"
    assert bool(neck.running_mean.any()) == (policy == "shared")


def test_it_is_trained_with_its_head_frozen_and_read_back(tiny_pair: TinyPair, tmp_path: Path) -> None:
    card = fit_tiny("headfreeze", tiny_pair, tmp_path / "run", STAGED, freeze_after="body", steps=6)
    stages = [tmp_path / "run-phases" / phase["key"] / "weights.safetensors" for phase in card.phases]
    first, second = (load_file(path) for path in stages)
    moved = {name for name in first if not torch.equal(first[name], second[name])}
    assert moved
    assert all(name.startswith("module.body.") for name in moved)
    image = tiny_pair.target / "test/image/0000.png"
    predicted = Predictor(tmp_path / "run", "cpu")(image)
    assert {name: tuple(value.shape) for name, value in predicted.items()} == {
        "normals": (3, 48, 48),
        "segmentation": (1, 48, 48),
    }
    assert weights_of(tmp_path / "run").keys() == build_network(STAGED, tasks()).state_dict().keys()


@pytest.mark.usefixtures("unrendered")
def test_a_comparison_takes_it(tiny_pair: TinyPair, tmp_path: Path) -> None:
    results = compare(
        pair_of(tiny_pair),
        tmp_path / "out",
        recipes=["baseline", "headfreeze"],
        seeds=[0],
        architecture=STAGED,
        training=training_of(steps=2, freeze_after="neck"),
    )
    assert set(results.metrics) == {"baseline", "headfreeze"}
    assert not (tmp_path / "out/features.png").exists(), "it gives no features"


def test_an_adversary_looks_at_the_features_that_it_gives(tiny_pair: TinyPair, tmp_path: Path) -> None:
    featured = Architecture("tests.own_networks:featured")
    for name, adversary in {
        "feature": Adversarial("feature", adversary_levels="body,neck"),
        "output": Adversarial("output", adversary_levels="outputs,neck"),
    }.items():
        card = fit_tiny("mtl-both-da", tiny_pair, tmp_path / name, featured, adversarial=adversary, steps=2)
        assert set(card.phases[0]["adversary"]["levels"]) == set(adversary.levels)


@pytest.mark.parametrize(
    ("recipe", "name", "settings", "message"),
    [
        ("headfreeze", "staged", {}, "freeze_after is auto, but where the head .* choose from body, neck"),
        ("headfreeze", "staged", {"freeze_after": "nek"}, "unknown stage 'nek': did you mean 'neck'"),
        (
            "headfreeze",
            "staged",
            {"freeze_after": "maps"},
            "nothing comes after stage 'maps': freeze after body",
        ),
        ("headfreeze", "plain", {"freeze_after": "body"}, "Plain names no stages, so no head of it can be frozen"),
        (
            "mtl-both-da",
            "plain",
            {},
            "adversary_levels is 'up1,up2', .* are: none; let it give Outputs",
        ),
        ("mtl-both-da", "featured", {}, "adversary_levels is 'up1,up2', but the features .*are: body, neck"),
    ],
)
def test_what_a_recipe_needs_and_the_module_lacks_is_said_before_anything_is_trained(
    recipe: str, name: str, settings: dict[str, str], message: str, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    adversarial = Adversarial("feature") if recipe.endswith("-da") else None
    with pytest.raises(InputError, match=message):
        fit(
            recipe,
            pair_of(tiny_pair),
            tmp_path / "run",
            architecture=Architecture(f"tests.own_networks:{name}"),
            training=training_of(**settings),
            adversarial=adversarial,
        )
    assert not list(tmp_path.iterdir())


def test_a_module_without_stages_is_trained_by_recipes_that_freeze_nothing(tiny_pair: TinyPair, tmp_path: Path) -> None:
    fit_tiny("mtl-both", tiny_pair, tmp_path / "run", Architecture("tests.own_networks:plain"), steps=1)
    assert RunCard.read(tmp_path / "run").settings["architecture"]["backbone"] == "tests.own_networks:plain"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pretrained": True}, "pretrained, but your own function builds backbone 'a:b'"),
        ({"width": 64}, "width is 64, but your own function builds backbone 'a:b'"),
    ],
)
def test_what_its_function_decides_is_refused_as_a_setting(options: dict[str, object], message: str) -> None:
    (problem,) = Architecture("a:b", **options).problems()  # type: ignore[arg-type]
    assert problem.startswith(message)
    assert list(Architecture("a:b", norm="frozen").problems()) == []


def test_points_lie_where_a_map_of_any_stride_has_them(tiny_pair: TinyPair, tmp_path: Path) -> None:
    """The peak at column 5, row 3 of a quarter of 32 px is at 22, 14 there, and at 33, 21 in an image of 48 px."""
    run = Run.__new__(Run)  # without a folder
    run.device = torch.device("cpu")
    run.tasks = {"points": make_task("points", {"kind": "keypoints", "count": 2, "mirror": []})}
    run.trained = ["points"]
    run.canvas = Canvas(32, 32)
    run.network = own_network("tests.own_networks:spotted", {"points": OutputSpec(2, 2)}, size=(32, 32)).eval()
    found = run.predict(torch.zeros(48, 48, 3, dtype=torch.uint8).numpy())["points"]
    torch.testing.assert_close(found[:, :2], torch.tensor([[33.0, 21.0]] * 2), atol=0.1, rtol=0)


def test_the_key_follows_the_file_of_the_function_and_the_tensors(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {}
    monkeypatch.syspath_prepend(str(tmp_path))
    sources = {
        "first": "from tests.own_networks import Staged\ndef build(outputs):\n    return Staged(outputs)\n",
        "same": "from tests.own_networks import Staged\ndef build(outputs):\n    return Staged(outputs)\n",
        "comment": "from tests.own_networks import Staged\ndef build(outputs):\n    return Staged(outputs)  # !\n",
    }
    for name, source in sources.items():
        (tmp_path / "keyed_network.py").write_text(source)
        importlib.invalidate_caches()
        linecache.clearcache()
        keys[name] = key_of(tiny_pair, tmp_path, Architecture("keyed_network:build"))
    assert keys["first"] == keys["same"]
    assert keys["first"] != keys["comment"]
    before = key_of(tiny_pair, tmp_path, STAGED)
    monkeypatch.setattr(own_networks, "STRIDE", 4)
    assert key_of(tiny_pair, tmp_path, STAGED) == before
    monkeypatch.setattr(own_networks.Staged, "__init__", deeper)
    assert key_of(tiny_pair, tmp_path, STAGED) != before


def test_the_keys_of_our_own_networks_know_nothing_of_it(tiny_pair: TinyPair, tmp_path: Path) -> None:
    session = Session(Settings(pair_of(tiny_pair), Architecture("tiny"), training_of()), tmp_path)
    training = RecipeTraining(session, RECIPES["baseline"], 0, tmp_path / "run")
    (planned,) = planned_of(training)
    assert "network" not in training.spec(planned)


def deeper(self: own_networks.Staged, outputs: dict[str, OutputSpec]) -> None:
    own_networks.Plain.__init__(self, outputs)
    self.neck.append(nn.Conv2d(8, 8, 1))


def key_of(tiny: TinyPair, folder: Path, architecture: Architecture) -> str:
    session = Session(Settings(pair_of(tiny), architecture, training_of()), folder)
    training = RecipeTraining(session, RECIPES["baseline"], 0, folder / "run")
    (planned,) = planned_of(training)
    return json.dumps(training.spec(planned), sort_keys=True)


def planned_of(training: RecipeTraining) -> list[PlannedPhase]:
    return [PlannedPhase(phase, 0, 4, None, False) for phase in training.recipe.phases]


def tasks() -> dict[str, Task]:
    return {
        "normals": make_task("normals"),
        "segmentation": make_task("segmentation", {"classes": ["background", "red", "blue"]}),
    }
