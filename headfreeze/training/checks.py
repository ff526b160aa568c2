"""What cannot be trained, said before anything is read or written."""

import os
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from headfreeze.adversaries import output
from headfreeze.errors import InputError
from headfreeze.models.backbones import build_backbone
from headfreeze.models.freeze import Freeze
from headfreeze.recipes import Phase, Recipe
from headfreeze.run import build_network, choose_device
from headfreeze.settings import Adversarial, Settings, Training
from headfreeze.tasks.base import Task


def check_backbone(settings: Settings) -> None:
    """The backbone exists, and a batch of its coarsest features has statistics."""
    if settings.architecture.own:
        return  # see `check_own_network`
    backbone = build_backbone(settings.architecture.backbone)
    stride, batch_size = backbone.strides[-1], settings.training.batch_size
    one_pixel = not list(settings.pair.problems()) and max(settings.pair.height_width) <= stride
    if batch_size == 1 and one_pixel and any(isinstance(m, nn.BatchNorm2d) for m in backbone.modules()):
        raise InputError(
            f"batch_size is 1 at size {settings.pair.size}: its coarsest features are one pixel, of which batch norm"
            " has no statistics; use a batch_size of 2 or more, or a larger size"
        )


def check_own_network(settings: Settings, recipes: Sequence[Recipe], tasks: Mapping[str, Task]) -> None:
    """A network of the user's gives what its tasks, the freeze and the adversary of these recipes need.

    Raises:
        InputError: it does not; the message says what is missing.
    """
    if list(settings.pair.problems()):
        return  # there is no size to try it with
    if branched := [recipe.name for recipe in recipes if recipe.branched]:
        raise InputError(
            f"recipe '{branched[0]}' works between encoder and decoder of our networks, and"
            f" '{settings.architecture.backbone}' is your own; leave the recipe out, or name another backbone"
        )
    network = build_network(settings.architecture, tasks, size=settings.pair.height_width)
    phases = [phase for recipe in recipes for phase in recipe.phases]
    if any(phase.freeze_head for phase in phases):
        after = settings.training.freeze_point(settings.architecture)
        if after == "auto":
            raise InputError(
                f"freeze_after is auto, but where the head of '{settings.architecture.backbone}' begins is for you to"
                f" say; choose from {', '.join(list(network.stages)[:-1])}"
            )
        Freeze(network, after).unfreeze()
    adversarial = settings.adversarial
    if adversarial.active and any(phase.adversary for phase in phases):
        missing = [level for level in adversarial.levels if level not in network.channels and level != "outputs"]
        if missing:
            given = ", ".join(network.channels) or "none; let it give Outputs with features"
            raise InputError(
                f"adversary_levels is '{','.join(adversarial.levels)}', but the features that"
                f" '{settings.architecture.backbone}' gives are: {given}"
            )


def check_device(training: Training) -> None:
    """The device exists and computes in this precision, and there are as many of its kind as are asked for."""
    device, count = choose_device(training.device), training.devices
    if device.type == "cpu" and training.precision == "16":
        raise InputError("precision is 16, which a CPU cannot train in; choose bf16 or 32, or another --device")
    started = int(os.environ.get("WORLD_SIZE", count))  # by torchrun, or by an earlier call of this script
    if started != count:
        raise InputError(f"devices is {count}, but this is one of {started} processes; set devices to {started}")
    if count > 1 and (device.index is not None or device.type == "mps"):
        raise InputError(f"devices is {count}, but device {training.device} is one alone; choose cuda or cpu")
    if count > 1 and device.type == "cuda" and count > torch.cuda.device_count():
        raise InputError(f"devices is {count}, but this machine has {torch.cuda.device_count()} GPUs; set no more")


def check_snapshots(training: Training, recipes: Sequence[Recipe]) -> None:
    """The last phase of every recipe has a step for each snapshot."""
    if list(training.problems()):
        return  # there is no budget to divide
    for recipe in recipes:
        if training.steps < len(recipe.phases):
            continue  # which `split_budget` says
        *_, last = recipe.budget(training.steps, training.phase_share)
        if training.snapshots > last:
            raise InputError(
                f"snapshots is {training.snapshots}, but the last phase of {recipe.name} has {last} of the"
                f" {training.steps} steps; give at most {last}, or more steps"
            )


def check_adversary(settings: Settings, recipes: Sequence[Recipe]) -> None:
    """An adversary that is asked for has a recipe, and images large enough for its discriminators."""
    opposed = [recipe.name for recipe in recipes if any(phase.adversary for phase in recipe.phases)]
    if recipes and not opposed and settings.adversarial != Adversarial():
        names = ", ".join(recipe.name for recipe in recipes)
        raise InputError(
            f"an adversary is set, but there is none in {names}; take a recipe that ends in -da, or leave it out"
        )
    if opposed and settings.adversarial.active and settings.training.precision == "16":
        raise InputError(
            f"precision is 16, in which two optimizers, as {opposed[0]} has, share no scale; use bf16 or 32"
        )
    kind, valid = settings.adversarial.adversary, not list(settings.pair.problems())
    if not settings.adversarial.active:
        return
    for recipe in recipes if kind == "output" else ():
        if any(phase.adversary and not _trains_main(phase) for phase in recipe.phases):
            raise InputError(
                f"the output adversary looks at the main task, which a phase of {recipe.name} does not train; take"
                " joint or feature for it"
            )
    if opposed and valid and kind != "feature" and min(settings.pair.height_width) < output.SMALLEST_SIZE:
        raise InputError(
            f"size is {settings.pair.size}; the {kind} adversary of {opposed[0]} needs {output.SMALLEST_SIZE} pixels or"
            " more: choose a larger size, or the feature adversary"
        )


def _trains_main(phase: Phase) -> bool:
    return any(role == "main" for _, role in phase.supervision)
