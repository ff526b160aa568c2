"""How a recipe is trained: budget, batches, optimizer, phases, device."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from headfreeze.settings.architecture import FEATURE_LEVELS, Architecture
from headfreeze.settings.checks import negative, outside_choices, too_small

Optimizer = Literal["adamw", "sgd"]
Schedule = Literal["onecycle", "poly", "constant"]
Precision = Literal["32", "bf16", "16"]
PhaseEnd = Literal["share", "plateau"]

FREEZE_POINTS = ("auto", *FEATURE_LEVELS)
TINY_LEARNING_RATE = 4e-3
SCRATCH_LEARNING_RATE = 1e-3
PRETRAINED_LEARNING_RATE = 5e-4
LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Training:
    """How a recipe is trained.

    Args:
        steps: the budget: optimisation steps of a recipe, over all its phases.
        batch_size: images of each domain a step, on all devices together.
        lr: peak learning rate; 0 means 4e-3 for tiny, 1e-3 from scratch, 5e-4 for pretrained backbones.
        optimizer: adamw, or sgd with momentum 0.9.
        weight_decay: decoupled for adamw; not applied to norms and biases.
        schedule: of the learning rate over the budget; within each phase where phase_end is plateau.
        clip: largest norm of the gradient; 0 means no clipping.
        accumulate: batches whose gradients are added up before a step.
        ema: decay of the exponential moving average of the weights that is kept as the result; 0 means none.
        precision: 32, or mixed precision with bf16 or 16.
        anchor_weight: lambda of each anchor's loss; 0 means it is measured so that the losses' magnitudes agree.
        phase_share: share of the budget of the first of two phases.
        phase_end: the first of two phases ends at its share of the budget, or earlier at its plateau on source
            validation; what is left over goes to the second.
        freeze_after: the last stage that a freezing phase still trains: backbone, up1, up2, up3, or a stage of an own
            network; auto: up3, which was better than the paper's up2 (docs/experiments.md).
        seed: of weights, batches and augmentation.
        workers: processes that decode images, for each device; -1 chooses by the size of the data.
        cache_gb: memory in GiB for decoded images, of all devices together.
        validate_every: steps between two validations; 0 means 10 validations a phase.
        checkpoint_every: seconds between two checkpoints of an unfinished phase.
        device: auto, cpu, cuda, mps or cuda:N.
        devices: GPUs of this machine (or processes on its CPU) that share every batch; the result is that of
            one, to rounding and but for dropout.
        tensorboard: also write TensorBoard event files.
        snapshots: states of the network that are kept, at equal distances within the last phase, for `headfreeze
            select` to choose among; the last one is its end. 0 keeps that one alone.
    """

    steps: int = 20_000
    batch_size: int = 16
    lr: float = 0.0
    optimizer: Optimizer = "adamw"
    weight_decay: float = 0.01
    schedule: Schedule = "onecycle"
    clip: float = 1.0
    accumulate: int = 1
    ema: float = 0.0
    precision: Precision = "32"
    anchor_weight: float = 0.0
    phase_share: float = 0.5
    phase_end: PhaseEnd = "share"
    freeze_after: str = "auto"
    seed: int = 0
    workers: int = -1
    cache_gb: float = 4.0
    validate_every: int = 0
    checkpoint_every: float = 20.0
    device: str = "auto"
    devices: int = 1
    tensorboard: bool = False
    snapshots: int = 0

    def problems(self) -> Iterator[str]:
        """What is wrong with the settings themselves, a line each."""
        yield from too_small(
            self, steps=1, batch_size=1, accumulate=1, workers=-1, validate_every=0, devices=1, snapshots=0
        )
        yield from negative(self, "lr", "weight_decay", "clip", "anchor_weight", "cache_gb", "checkpoint_every", "seed")
        if self.devices > 0 and self.batch_size % self.devices:
            yield (
                f"batch_size is {self.batch_size}, which {self.devices} devices cannot share equally; give a multiple"
                f" of {self.devices}"
            )
        if self.snapshots == 1:
            yield "snapshots is 1, which is the end alone; give 2 or more to choose among, or 0"
        if self.seed > LARGEST_SEED:
            yield f"seed is {self.seed}; the largest is {LARGEST_SEED}"
        if not 0 <= self.ema < 1:
            yield f"ema is {self.ema}; a decay lies in 0 … 1, for example 0.999"
        if not 0 < self.phase_share < 1:
            yield f"phase_share is {self.phase_share}; give the first phase's share of the budget, between 0 and 1"
        yield from outside_choices(self)

    def learning_rate(self, architecture: Architecture) -> float:
        """The peak learning rate: the user's, or the default of the kind of network."""
        if self.lr:
            return self.lr
        if architecture.pretrained:
            return PRETRAINED_LEARNING_RATE
        return TINY_LEARNING_RATE if architecture.backbone == "tiny" else SCRATCH_LEARNING_RATE

    def freeze_point(self, architecture: Architecture) -> str:
        """The last stage that a freezing phase trains: the user's, or the default.

        Of a network of one's own there is no default: auto stays auto.
        """
        return "up3" if self.freeze_after == "auto" and not architecture.own else self.freeze_after
