"""A recipe on a pair: its phases one after the other, through the store; what comes out is a run."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric

from headfreeze.data.folder import Sample, fingerprint
from headfreeze.data.loader import DomainImages, choose_workers
from headfreeze.data.pair import OpenPair, open_pair
from headfreeze.errors import InputError, raise_all, unknown
from headfreeze.files import write_with
from headfreeze.models.backbones import build_backbone
from headfreeze.progress import progress
from headfreeze.recipes import RECIPES, Domain, Phase, Recipe, Supervision, find_recipe, split_budget
from headfreeze.run import RunCard, build_network, choose_device
from headfreeze.settings import Architecture, Pair, Settings, Training
from headfreeze.training.phase import PhaseData, PhasePlan, PhaseTraining
from headfreeze.training.store import PhaseFolder, PhaseStore

KEY_FORMAT = 1
"""Part of every phase's key: raise it when a change of the code changes trained weights."""

_DECODED_FIRST = 32
_DOMAINS: tuple[Domain, ...] = ("source", "target")
_SEEN_BY_WEIGHTS = (
    "batch_size", "optimizer", "weight_decay", "schedule", "clip", "accumulate", "ema", "precision", "anchor_weight",
)  # fmt: skip


def fit(
    recipe: str | Recipe,
    pair: Pair,
    out: Path | str,
    *,
    architecture: Architecture | None = None,
    training: Training | None = None,
    phases: Path | str | None = None,
) -> RunCard:
    """Trains a recipe on a pair and writes the run to `out`.

    Args:
        recipe: a name in RECIPES, or a recipe of one's own.
        pair: the two datasets and their tasks.
        out: folder of the run: run.json, weights.safetensors, metrics.csv. An interrupted call is taken up again.
        architecture: the network.
        training: budget, batches, optimizer, seed, device.
        phases: store of trained phases, shared by all runs that name it; default: `phases` beside `out`.

    Raises:
        InputError: a setting or the data is wrong; the message lists everything that was found.
    """
    out = Path(out)
    settings = Settings(pair, architecture or Architecture(), training or Training())
    session = Session(settings, Path(phases) if phases else out.parent / "phases")
    raise_all(session.problems([recipe] if isinstance(recipe, str) else []))
    return session.fit(find_recipe(recipe) if isinstance(recipe, str) else recipe, out)


class Session:
    """One pair under one setting: opens and checks everything once, then trains any number of recipes and seeds.

    Args:
        settings: pair, architecture, training; the training's seed is the default one.
        phases: the store of phases.
    """

    def __init__(self, settings: Settings, phases: Path) -> None:
        self.settings = settings
        self.store = PhaseStore(phases)
        self._images: dict[tuple[str, str, Supervision], DomainImages] = {}
        self._samples: dict[tuple[str, str, Supervision], list[Sample]] = {}
        self._fingerprints: dict[tuple[str, Supervision], str] = {}

    @cached_property
    def pair(self) -> OpenPair:
        """Both datasets, opened.

        Raises:
            InputError: they cannot be opened, or do not go together.
        """
        opened, problems = open_pair(self.settings.pair)
        raise_all(problems)
        assert opened is not None
        return opened

    def problems(self, recipes: Sequence[str]) -> list[str]:
        """All that is wrong with the settings, the names of recipes and the pair, a line each; trains nothing."""
        found = [unknown("recipe", name, RECIPES) for name in recipes if name not in RECIPES]
        found += self.settings.problems()
        checks: list[Callable[[], object]] = [
            lambda: build_backbone(self.settings.architecture.backbone),
            lambda: choose_device(self.settings.training.device),
        ]
        for check in checks:
            try:
                check()
            except InputError as error:
                found.append(str(error))
        return found + open_pair(self.settings.pair)[1]

    def fit(self, recipe: Recipe, out: Path, seed: int | None = None) -> RunCard:
        """Trains a recipe, or takes it from the store, and writes the run."""
        training = self.settings.training
        seed = training.seed if seed is None else seed
        trainer = RecipeTraining(self, recipe, seed)
        card = trainer.card()
        written = RunCard.read(out) if (out / "run.json").is_file() else None
        if written and _identity(written) != _identity(card):
            raise InputError(
                f"{out}: holds another run ({written.recipe}, other settings or data); choose another --out"
            )
        if not written and out.is_dir() and any(out.iterdir()):
            raise InputError(f"{out}: not empty and not a run; choose another --out or empty it")
        card, last = trainer.run()
        write_with(out / "weights.safetensors", lambda p: shutil.copyfile(last.weights_path, p))
        write_with(out / "metrics.csv", lambda p: shutil.copyfile(last.path / "metrics.csv", p))
        card.write(out)
        return card

    def samples(self, domain: Domain, split: str, supervision: Supervision) -> list[Sample]:
        """Samples with the supervised labels of this domain only, listed once."""
        own = frozenset((d, r) for d, r in supervision if d == domain)
        key = (domain, split, own)
        if key not in self._samples:
            if split == "val" and not self.pair.datasets[domain].has_split("val"):
                self._samples[key] = []
            else:
                self._samples[key] = self.pair.samples(domain, split, own)
        return self._samples[key]

    def fingerprint(self, domain: Domain, supervision: Supervision) -> str:
        """What the training files of this domain hold."""
        own = frozenset((d, r) for d, r in supervision if d == domain)
        if (domain, own) not in self._fingerprints:
            samples = self.samples(domain, "train", own)
            self._fingerprints[domain, own] = fingerprint(samples, self.pair.datasets[domain].root)
        return self._fingerprints[domain, own]

    def images(self, domain: Domain, split: str, supervision: Supervision) -> DomainImages | None:
        """Decoded images with the supervised labels, kept for the next recipe; None where the split has none.

        A spread of them is decoded at once, so that most damaged files show before anything is trained or written.
        """
        own = frozenset((d, r) for d, r in supervision if d == domain)
        key = (domain, split, own)
        samples = self.samples(domain, split, own)
        if not samples:
            return None
        if key not in self._images:
            budget = int(self.settings.training.cache_gb * 2**30 / 4)
            images = DomainImages(
                samples, self.pair.supervised(domain, own), self.pair.canvas, budget, self.workers > 0
            )
            for index in np.linspace(0, len(images) - 1, min(_DECODED_FIRST, len(images))).astype(int):
                images[int(index)]
            self._images[key] = images
        return self._images[key]

    @cached_property
    def workers(self) -> int:
        """Processes that decode images."""
        if self.settings.training.workers >= 0:
            return self.settings.training.workers
        everything: Supervision = frozenset()
        return choose_workers([s for d in _DOMAINS for s in self.samples(d, "train", everything)])

    @cached_property
    def fabric(self) -> Fabric:
        """Device and precision."""
        training = self.settings.training
        device = choose_device(training.device)
        precision = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}[training.precision]
        devices: Any = [device.index] if device.index is not None else 1
        return Fabric(accelerator=device.type, devices=devices, precision=precision)  # type: ignore[arg-type]


@dataclass
class RecipeTraining:
    """One recipe with one seed."""

    session: Session
    recipe: Recipe
    seed: int

    def __post_init__(self) -> None:
        training = self.session.settings.training
        self.budget = split_budget(training.steps, len(self.recipe.phases), training.phase_share)

    def card(self, phases: list[dict[str, Any]] | None = None) -> RunCard:
        """What run.json will say."""
        settings = self.session.settings.as_dict()
        settings["training"]["seed"] = self.seed
        roles = self.session.pair.roles
        trained = {roles[role].name for phase in self.recipe.phases for _, role in phase.supervision}
        return RunCard(
            recipe=self.recipe.name,
            settings=settings,
            tasks={role: {"name": t.name, "options": t.options()} for role, t in roles.items()},
            trained=sorted(trained),
            phases=phases or [],
        )

    def run(self) -> tuple[RunCard, PhaseFolder]:
        """Trains the phases that the store does not hold yet; gives the run's card and the last phase's folder."""
        done: list[dict[str, Any]] = []
        folder: PhaseFolder | None = None
        used = 0
        for number, phase in enumerate(self.recipe.phases):
            steps = self.budget[number] if number == 0 else self.session.settings.training.steps - used
            parent = folder
            folder = self.session.store.folder(self.spec(phase, number, steps, parent))
            result = self._phase(folder, phase, number, steps, parent)
            used += int(result["steps"])
            done.append({"key": folder.key, **result})
        assert folder is not None
        return self.card(done), folder

    def spec(self, phase: Phase, number: int, steps: int, parent: PhaseFolder | None) -> dict[str, Any]:
        """All that determines the weights of a phase, and nothing else: the store's key is made from it."""
        session = self.session
        settings = session.settings.as_dict()
        pair, training = settings["pair"], settings["training"]
        spec = {
            "format": KEY_FORMAT,
            "data": {d: session.fingerprint(d, phase.supervision) for d in _DOMAINS if phase.uses(d)},
            "tasks": self.card().tasks,
            "supervision": sorted(" ".join(pair_of) for pair_of in phase.supervision),
            "images": {name: pair[name] for name in ("size", "resize", "augment")},
            "architecture": settings["architecture"],
            "training": {name: training[name] for name in _SEEN_BY_WEIGHTS},
            "rate": session.settings.training.learning_rate(session.settings.architecture),
            "steps": steps,
            "number": number,
            "seed": self.seed,
        }
        if phase.freeze_head:
            spec["freeze_after"] = training["freeze_after"]
        if parent:
            spec["parent"] = parent.key
        if self._until_plateau(number):
            spec["plateau"] = training["validate_every"]
        return spec

    def _until_plateau(self, number: int) -> bool:
        return self.session.settings.training.phase_end == "plateau" and number < len(self.recipe.phases) - 1

    def _phase(
        self, folder: PhaseFolder, phase: Phase, number: int, steps: int, parent: PhaseFolder | None
    ) -> dict[str, Any]:
        with self.session.store.lock(folder):
            if folder.finished:
                return folder.result()
            training = self.phase_training(folder, phase, number, steps, parent)
            what = f"{self.recipe.name} seed {self.seed} phase {number + 1}/{len(self.recipe.phases)}"
            with progress(what, steps) as report:
                return training.run(report)

    def phase_training(
        self, folder: PhaseFolder, phase: Phase, number: int, steps: int, parent: PhaseFolder | None
    ) -> PhaseTraining:
        """One phase, ready to run: the network with its parent's weights, the data, the plan."""
        session, settings = self.session, self.session.settings
        data = self._data(phase)
        if self._until_plateau(number) and "source" not in data.val:
            raise InputError(
                f"{settings.pair.source}: phase_end is plateau, which needs a val split; make one or use share"
            )
        torch.manual_seed(self.seed)
        network = build_network(settings.architecture, session.pair.tasks, pretrained=None if parent is None else False)
        if parent:
            network.load_state_dict(parent.weights())
        plan = PhasePlan(
            steps=steps,
            freeze_after=settings.training.freeze_after if phase.freeze_head else None,
            seed=self.seed * 8 + number,
            rate=settings.training.learning_rate(settings.architecture),
            weights=parent.result()["weights"] if parent else None,
            until_plateau=self._until_plateau(number),
        )
        return PhaseTraining(session.fabric, network, plan, data, settings.training, folder)

    def _data(self, phase: Phase) -> PhaseData:
        session = self.session
        loaded: dict[str, Mapping[str, DomainImages]] = {}
        for split in ("train", "val"):
            found = {d: session.images(d, split, phase.supervision) for d in _DOMAINS if phase.uses(d)}
            loaded[split] = {domain: images for domain, images in found.items() if images is not None}
        main = session.pair.roles["main"].name
        augment = session.settings.pair.augment
        return PhaseData(loaded["train"], loaded["val"], session.pair.tasks, main, augment, session.workers)


def _identity(card: RunCard) -> dict[str, Any]:
    """What two runs must share to be the same run; where it was computed and how fast does not matter."""
    plain = vars(card) | {"phases": None}
    ignored = ("workers", "cache_gb", "checkpoint_every", "device", "tensorboard")
    training = {k: v for k, v in card.settings["training"].items() if k not in ignored}
    return plain | {"settings": card.settings | {"training": training}}
