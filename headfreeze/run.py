"""A trained run on disk: RUN/run.json says what it is, RUN/weights.safetensors is the network."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from safetensors.torch import load_file
from torch import Tensor

from headfreeze.cards import read_card, write_card
from headfreeze.data.canvas import Canvas, resized
from headfreeze.errors import InputError
from headfreeze.models.margin import Margin, margin
from headfreeze.models.network import Network, Outputs, OutputSpec, Read
from headfreeze.models.own import AnyNetwork, own_network
from headfreeze.models.transfer import TransferNetwork
from headfreeze.recipes import Domain
from headfreeze.roles import as_tuple, one_or_list
from headfreeze.settings import Architecture, Pair
from headfreeze.tasks import make_task
from headfreeze.tasks.base import Task

FORMAT = 1
_DAMAGED = "damaged; train the run again or restore the file"


@dataclass(frozen=True)
class RunCard:
    """What a run is, as plain values: enough to build its network again and to say how it came about.

    Attributes:
        recipe: its name.
        settings: pair, architecture and training, as `Settings.as_dict` gives them.
        tasks: {role: {"name", "options"}} for main and anchor; a list of them where a role has several.
        trained: names of the tasks that the recipe trained; the others' outputs mean nothing.
        phases: key, steps, λ and validation of each phase, and by how much it turned the source's cameras if it did;
            of the last one also those of its snapshots, if it has any.
        parts: names of what the recipe has beside its phases, see `headfreeze.recipes.PARTS`.
        branched: whether main and anchor have a network each, see `headfreeze.models.transfer`.
    """

    recipe: str
    settings: dict[str, Any]
    tasks: dict[str, Any]
    trained: list[str]
    phases: list[dict[str, Any]]
    parts: list[str] = field(default_factory=list)
    branched: bool = False

    @property
    def adversary(self) -> dict[str, Any] | None:
        """What the adversary of the last phase reports, if it has one."""
        return self.phases[-1].get("adversary")

    def names(self, role: str) -> tuple[str, ...]:
        """Of the tasks in a role, main or anchor."""
        return tuple(task["name"] for task in as_tuple(self.tasks[role]))

    def tasks_in(self, role: str) -> tuple[Task, ...]:
        """The tasks in a role."""
        return tuple(make_task(task["name"], dict(task["options"])) for task in as_tuple(self.tasks[role]))

    def write(self, folder: Path) -> None:
        """Writes FOLDER/run.json."""
        write_card(folder / "run.json", FORMAT, self)

    @classmethod
    def read(cls, folder: Path) -> "RunCard":
        """Reads FOLDER/run.json.

        Raises:
            InputError: no run lies there, it is damaged, or it was written by a newer version.
        """
        missing = "no run here (no run.json); give the folder that `headfreeze fit --out` wrote"
        return read_card(folder / "run.json", FORMAT, cls, missing, _DAMAGED)


class Run:
    """A trained network with its tasks, ready to predict.

    Args:
        folder: what `fit` wrote.
        device: auto, cpu, cuda, …
    """

    def __init__(self, folder: Path, device: str = "auto") -> None:
        self.folder = folder
        self.card = RunCard.read(folder)
        self.device = choose_device(device)
        try:
            self._build()
        except InputError as error:
            raise InputError(f"{folder}/run.json: {error}") from None
        except (KeyError, TypeError, AttributeError, ValueError, RuntimeError):
            raise InputError(f"{folder}/run.json: {_DAMAGED}") from None
        try:
            self.network.load_state_dict(load_file(folder / "weights.safetensors"))
        except Exception as error:
            raise InputError(f"{folder}/weights.safetensors: does not hold this network ({error})"[:300]) from None
        self.network.to(self.device).to(memory_format=torch.channels_last).eval()

    def _build(self) -> None:
        """Everything that the card describes."""
        self.roles = {role: self.card.tasks_in(role) for role in ("main", "anchor")}
        self.tasks = {task.name: task for tasks in self.roles.values() for task in tasks}
        self.trained = [self.tasks[name].name for name in self.card.trained]
        if not self.trained:
            raise ValueError("a run that predicts nothing")
        pair = Pair(**self.card.settings["pair"])
        self.canvas = Canvas(*pair.height_width, pair.resize)
        architecture = Architecture(**self.card.settings["architecture"])
        reading = reading_of(self.card.parts, self.roles)
        branches = branches_of(self.roles) if self.card.branched else None
        self.network = build_network(architecture, self.tasks, False, pair.height_width, reading, branches)

    @property
    def main(self) -> Task:
        """The first main task, which leads where one number is wanted."""
        return self.roles["main"][0]

    @torch.no_grad()
    def predict(self, image: UInt8[np.ndarray, "h w 3"]) -> dict[str, Tensor]:
        """Predictions of all trained tasks for one image of any size, as labels at its own resolution."""
        size = (image.shape[0], image.shape[1])
        outputs = self.outputs(image)
        return {name: self._label(name, outputs, size) for name in self.trained}

    @torch.no_grad()
    def outputs(self, image: UInt8[np.ndarray, "h w 3"], domain: Domain = "target") -> Outputs:
        """What the network gives for one image of a domain, scaled as for training, with its margin."""
        height, width = image.shape[:2]
        value = torch.from_numpy(np.require(image, requirements=("C", "W")))  # else torch warns
        value = value.permute(2, 0, 1)[None].to(self.device)
        scaled = resized(value, self.canvas.size_for(height, width)).float().div_(255)
        self.network.domain = domain
        seen = self.margin(height, width).around(scaled)
        outputs: Outputs = self.network(seen.contiguous(memory_format=torch.channels_last))
        return outputs

    def margin(self, height: int, width: int) -> Margin:
        """What lies around an image of this size where the network sees it."""
        trained = (self.canvas.height, self.canvas.width)
        return margin(*self.canvas.size_for(height, width), trained, self.network.coarsest_stride)

    def _label(self, name: str, outputs: Outputs, wanted: tuple[int, int]) -> Tensor:
        """One task's prediction for the first image, as a label of the size that is wanted."""
        task, output, around = self.tasks[name], outputs.maps[name].float(), self.margin(*wanted)
        stride = round((around.top + around.height + around.bottom) / output.shape[-2])
        if task.dense:
            return task.wrap(task.decode(around.inside(output, wanted, stride))[0].cpu(), wanted)
        side = min(self.canvas.height, self.canvas.width) / stride
        points = task.decode(output, outputs.vectors.get(name), side)[0].cpu()
        points[:, :2] -= torch.tensor([around.left, around.top]) / stride
        return resized(task.wrap(points, (around.height / stride, around.width / stride)), wanted)


def build_network(
    architecture: Architecture,
    tasks: Mapping[str, Task],
    pretrained: bool | None = None,
    size: tuple[int, int] = (64, 64),
    reading: Mapping[str, Sequence[str]] | None = None,
    branches: Mapping[str, str] | None = None,
) -> AnyNetwork:
    """The network for these tasks.

    Args:
        architecture: what it is like.
        tasks: what it gives.
        pretrained: in place of the architecture's where weights are loaded afterwards.
        size: height and width of the images on which a network of the user's is tried out.
        reading: task → other tasks whose predictions its output reads, see `Network`.
        branches: task → main or anchor, the branch that gives it, see `TransferNetwork`; None: one network for all.

    Raises:
        InputError: there is no such backbone, or a network of the user's does not give what the tasks need.
    """
    outputs = {name: OutputSpec(task.channels, task.vector_channels) for name, task in tasks.items()}
    for reader, names in (reading or {}).items():
        reads = tuple(Read(name, tasks[name].channels, tasks[name].soft) for name in names)
        outputs[reader] = replace(outputs[reader], reads=reads)
    if architecture.own:
        return own_network(architecture.backbone, outputs, architecture.norm, size)

    def network(given: Mapping[str, OutputSpec]) -> Network:
        return Network(
            given,
            backbone=architecture.backbone,
            pretrained=architecture.pretrained if pretrained is None else pretrained,
            width=architecture.width or None,
            norm=architecture.norm,
        )

    if branches is None:
        return network(outputs)
    anchor, main = (
        network({name: spec for name, spec in outputs.items() if branches[name] == branch})
        for branch in ("anchor", "main")
    )
    return TransferNetwork(anchor, main)


def reading_of(parts: Collection[str], roles: Mapping[str, Sequence[Task]]) -> dict[str, list[str]]:
    """Which task's output reads which other tasks' predictions, in a recipe with these parts."""
    return {main.name: [anchor.name for anchor in roles["anchor"]] for main in roles["main"] if "reading" in parts}


def branches_of(roles: Mapping[str, Sequence[Task]]) -> dict[str, str]:
    """Task → the branch of a `TransferNetwork` that gives it: that of its role."""
    return {task.name: role for role, tasks in roles.items() for task in tasks}


def as_written(roles: Mapping[str, Sequence[Task]]) -> dict[str, Any]:
    """The tasks by role as plain values, see `RunCard.tasks`; the keys of phases are made from them as well."""
    return {role: one_or_list([{"name": t.name, "options": t.options()} for t in of]) for role, of in roles.items()}


def choose_device(name: str) -> torch.device:
    """The device of that name; auto takes a GPU where there is one.

    Raises:
        InputError: there is no device of that name, or this machine has none.
    """
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", name):
        raise InputError(f"device is '{name}'; choose auto, cpu, cuda, mps or cuda:N")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device is '{name}', which this machine cannot use ({str(error).splitlines()[0]})") from None
    return device
