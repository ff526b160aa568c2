"""One pair under one setting, opened and checked once: what all trainings of its recipes and seeds have in common."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from lightning.fabric import Fabric

from headfreeze.data.pair import open_pair
from headfreeze.errors import InputError
from headfreeze.models.own import OwnNetwork
from headfreeze.recipes import Recipe, find_recipe, split_budget
from headfreeze.run import build_network, choose_device
from headfreeze.settings import Settings
from headfreeze.training.checks import check_adversary, check_backbone, check_device, check_own_network, check_snapshots
from headfreeze.training.inputs import Inputs
from headfreeze.training.parts.build import part_problems
from headfreeze.training.processes import hush_lightning, launched
from headfreeze.training.repeatable import ask_for_repeatable_products
from headfreeze.training.store import PhaseStore


class Session:
    """Opens and checks everything once; then `fit_recipe` trains any number of recipes and seeds in it.

    Args:
        settings: pair, architecture, training; the training's seed is the default one.
        phases: the store of phases: a folder or a URL.
        beside: how many processes like this one share the machine's cores.
    """

    def __init__(self, settings: Settings, phases: Path | str, beside: int = 1) -> None:
        self.settings = settings
        self.store = PhaseStore(phases)
        self.inputs = Inputs(settings, beside)
        self.told: Callable[[], None] = _nothing
        """Called when a phase may have told how far it is."""

    def problems(self, recipes: Sequence[str | Recipe]) -> list[str]:
        """All that is wrong with the settings, the names of recipes and the pair, a line each; trains nothing."""
        trained: list[Recipe] = []
        found: list[str] = []
        for recipe in recipes:
            try:
                trained.append(find_recipe(recipe) if isinstance(recipe, str) else recipe)
            except InputError as error:
                found.append(str(error))
        found += self.settings.problems()
        training = self.settings.training
        longest = max((len(recipe.phases) for recipe in trained), default=1)
        checks: list[Callable[[], object]] = [
            lambda: check_backbone(self.settings),
            lambda: check_device(training),
            lambda: check_adversary(self.settings, trained),
            lambda: training.steps < 1 or split_budget(training.steps, longest, training.phase_share),
            lambda: check_snapshots(training, trained),
            self.store.check,
        ]
        pair, unopened = open_pair(self.settings.pair)
        if pair:
            found += part_problems(self.settings, trained, pair.roles)
        if pair and self.settings.architecture.own:
            checks.append(lambda: check_own_network(self.settings, trained, pair.tasks))
        for check in checks:
            try:
                check()
            except InputError as error:
                found.append(str(error))
        return found + unopened

    def effective(self, recipe: Recipe) -> Recipe:
        """The recipe as the settings make it: without its adversary where that has no weight."""
        if self.settings.adversarial.active:
            return recipe
        return replace(recipe, phases=tuple(replace(phase, adversary=False) for phase in recipe.phases))

    def check(self, recipe: Recipe) -> None:
        """Lists and samples all that any phase of the recipe will read, so that none is trained before a fault shows.

        Raises:
            InputError: labels are missing, a file is damaged, a plateau has no validation images to show on.
        """
        for phase in self.effective(recipe).phases:
            self.inputs.phase_data(phase)
        plateau = self.settings.training.phase_end == "plateau" and len(recipe.phases) > 1
        if plateau and not self.inputs.samples("source", "val", recipe.phases[0].supervision):
            raise InputError(
                f"{self.settings.pair.source}: phase_end is plateau, which needs a val split; make one or use share"
            )

    @cached_property
    def own_network(self) -> dict[str, str] | None:
        """What tells a network of the user's from others, for the keys of phases; None for a network of ours."""
        settings = self.settings
        if not settings.architecture.own:
            return None
        network = build_network(settings.architecture, self.inputs.pair.tasks, size=settings.pair.height_width)
        assert isinstance(network, OwnNetwork)
        return network.fingerprint()

    @cached_property
    def fabric(self) -> Fabric:
        """Device and precision; where there are several devices, their processes begin here."""
        training = self.settings.training
        device = choose_device(training.device)
        ask_for_repeatable_products()
        hush_lightning()
        precision = {"32": "32-true", "bf16": "bf16-mixed", "16": "16-mixed"}[training.precision]
        if training.devices > 1:
            return launched(device.type, training.devices, precision)
        devices: Any = [device.index] if device.index is not None else 1
        return Fabric(accelerator=device.type, devices=devices, precision=precision)  # type: ignore[arg-type]


def _nothing() -> None:
    """What follows the news of a phase unless somebody wants to look."""
