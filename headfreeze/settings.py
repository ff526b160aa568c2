"""Every setting that a user can give, with its default and unit. Light to import: no torch here."""

import dataclasses
import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from headfreeze.roles import as_tuple, named, one_or_list

Augmentation = Literal["none", "geometric", "photometric"]
Resize = Literal["crop", "squash", "none"]
Norm = Literal["shared", "frozen", "per_domain"]
Optimizer = Literal["adamw", "sgd"]
Schedule = Literal["onecycle", "poly", "constant"]
Precision = Literal["32", "bf16", "16"]
PhaseEnd = Literal["share", "plateau"]
AdversaryKind = Literal["feature", "output", "joint"]
AdversaryLoss = Literal["bce", "lsgan"]
Names = str | tuple[str, ...]

FEATURE_LEVELS = ("backbone", "up1", "up2", "up3")
FREEZE_POINTS = ("auto", *FEATURE_LEVELS)
OUTPUT_LEVELS = (("outputs",), ("outputs", "up2"))
TINY_LEARNING_RATE = 4e-3
SCRATCH_LEARNING_RATE = 1e-3
PRETRAINED_LEARNING_RATE = 5e-4
SMALLEST_ZOOM = 0.2
LARGEST_ROTATION_DEG = 45
LARGEST_FOV_DEG = 150
LARGEST_SEED = 2**32 - 1


def height_width(size: int | str) -> tuple[int, int]:
    """PX or HxW in numbers."""
    height, _, width = str(size).partition("x")
    return int(height), int(width or height)


@dataclass(frozen=True)
class Pair:
    """A source dataset and a target dataset with their tasks, and how their images reach the network.

    Args:
        source: folder of the labelled synthetic images, in the folder format.
        target: folder of the real images, in the folder format.
        main: the task that is wanted on the target; labelled on the source. Several: a list, or separated by commas;
            the first leads where one number is wanted.
        anchor: the task that is labelled on both, or several.
        size: training resolution in pixels, PX or HxW.
        resize: how an image of another size gets there. crop: its shorter side is scaled, windows are cut from the
            longer one; squash: both sides are scaled; none: windows are cut from the image as it is.
        augment: photometric (colour cast, gamma, contrast, shading, blur, noise, JPEG) includes geometric (flip, zoom,
            turned camera).
        zoom: smallest side of the window that augmentation cuts from an image and enlarges, as a share of the image's;
            smaller where things are seen at other scales in the two domains.
        rotate_deg: largest angle in degrees by which augmentation turns the camera up or down (two thirds of it to the
            sides, a third about its axis); for photographs taken at other angles than the rendered images.
        source_pitch_deg: angle by which augmentation also turns the source's cameras up, down where negative, so that
            they look as the target's do; recipes with `aligned` measure it instead.
        fov_deg: angle of view across the longer side of the training images, for both.
    """

    source: Path
    target: Path
    main: Names
    anchor: Names
    size: int | str = 128
    resize: Resize = "crop"
    augment: Augmentation = "photometric"
    zoom: float = 0.85
    rotate_deg: float = 12.0
    source_pitch_deg: float = 0.0
    fov_deg: float = 65.0

    def __post_init__(self) -> None:
        for name in ("source", "target"):
            object.__setattr__(self, name, Path(getattr(self, name)))  # strings are welcome
        for role in ("main", "anchor"):
            object.__setattr__(self, role, named(getattr(self, role)))

    @property
    def mains(self) -> tuple[str, ...]:
        """Names of the main tasks."""
        return as_tuple(self.main)

    @property
    def anchors(self) -> tuple[str, ...]:
        """Names of the anchors."""
        return as_tuple(self.anchor)

    @property
    def height_width(self) -> tuple[int, int]:
        """Training resolution in pixels."""
        return height_width(self.size)

    def problems(self) -> Iterator[str]:
        """What is wrong with the settings themselves, a line each; files are looked at later."""
        if not re.fullmatch(r"\d+(x\d+)?", str(self.size)):
            yield f"size is '{self.size}'; give PX or HxW in pixels, for example 128 or 96x128"
        elif min(self.height_width) < 16:
            yield f"size is {self.size}; the smallest training resolution is 16 pixels"
        yield from self._role_problems()
        if not SMALLEST_ZOOM <= self.zoom <= 1:
            yield f"zoom is {self.zoom}; give the smallest window's side as a share, from {SMALLEST_ZOOM} to 1"
        if not 0 <= self.rotate_deg <= LARGEST_ROTATION_DEG:
            yield f"rotate_deg is {self.rotate_deg}; give degrees from 0 to {LARGEST_ROTATION_DEG}"
        if not abs(self.source_pitch_deg) <= LARGEST_ROTATION_DEG:
            yield (
                f"source_pitch_deg is {self.source_pitch_deg}; give degrees from -{LARGEST_ROTATION_DEG} to"
                f" {LARGEST_ROTATION_DEG}"
            )
        if self.source_pitch_deg and self.augment == "none":
            yield f"source_pitch_deg is {self.source_pitch_deg}, but augment is none, which turns no camera; set either"
        if not 0 < self.fov_deg <= LARGEST_FOV_DEG:
            yield f"fov_deg is {self.fov_deg}; give degrees above 0 and up to {LARGEST_FOV_DEG}"
        yield from _choice_problems(self)

    def _role_problems(self) -> Iterator[str]:
        for role, names in (("main", self.mains), ("anchor", self.anchors)):
            if not names:
                yield f"{role} is empty; name a task, or several separated by commas"
            for name in sorted({name for name in names if names.count(name) > 1}):
                yield f"{role} is {','.join(names)}; name '{name}' once"
        for name in dict.fromkeys(name for name in self.mains if name in self.anchors):
            yield f"main and anchor are both '{name}'; a task can be one of them"


@dataclass(frozen=True)
class Architecture:
    """The network: a backbone, a feature pyramid on it, an output for each task.

    Args:
        backbone: a timm name; the preset tiny (0.5 M parameters, for CPUs and small images); or the function
            that builds a network of one's own, as package.module:function.
        pretrained: start the backbone from ImageNet weights.
        width: channels of the decoder; 0 means 256 as in the paper, 48 for tiny.
        norm: batch statistics shared by both domains, frozen at the pretrained ones, or kept per domain.
    """

    backbone: str = "resnet50"
    pretrained: bool = False
    width: int = 0
    norm: Norm = "shared"

    def problems(self) -> Iterator[str]:
        """What is wrong with the settings themselves, a line each."""
        if self.width < 0:
            yield f"width is {self.width}; give the decoder's channels, or 0 for the default"
        if self.own and (self.pretrained or self.width):
            given = "pretrained" if self.pretrained else f"width is {self.width}"
            yield f"{given}, but your own function builds backbone '{self.backbone}'; set it there, leave it out here"
        if self.norm == "frozen" and not self.pretrained and not self.own:
            yield "norm is frozen without pretrained weights, so statistics would stay at their start; set pretrained"
        yield from _choice_problems(self)

    @property
    def own(self) -> bool:
        """Whether a function of the user's builds the network, see `headfreeze.models.own`."""
        return ":" in self.backbone


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
        leasts = {"steps": 1, "batch_size": 1, "accumulate": 1, "workers": -1, "validate_every": 0, "devices": 1}
        leasts |= {"snapshots": 0}
        for name, least in leasts.items():
            if getattr(self, name) < least:
                yield f"{name} is {getattr(self, name)}; the least is {least}"
        for name in ("lr", "weight_decay", "clip", "anchor_weight", "cache_gb", "checkpoint_every", "seed"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                yield f"{name} is {value}; it cannot be negative or infinite"
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
        yield from _choice_problems(self)

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


@dataclass(frozen=True)
class Adversarial:
    """The adversary of the recipes that have one: those whose names end in -da.

    Args:
        adversary: feature: gradients reversed at features of the decoder (Ganin & Lempitsky); output: a discriminator
            looks at the predicted main task (Tsai et al.); joint: at the predictions of all tasks together.
        adversary_weight: lambda_adv; 0 trains as the recipe without an adversary does; default: 0.1 for feature, 0.001
            for output and joint with bce, 0.01 with lsgan.
        adversary_levels: levels of the network that are looked at, separated by commas. feature: any of backbone, up1,
            up2, up3; default up1,up2. output and joint: outputs, or outputs,up2, which adds auxiliary outputs to up2.
        adversary_loss: bce or lsgan; feature knows bce alone.
        discriminator_width: channels of the discriminators; 0 means 512 for feature and 64 for output and joint as in
            their papers, an eighth and a quarter of that for tiny.
        discriminator_lr: peak learning rate of the discriminators, which falls as (1 - progress)^0.9; 0 means 1e-4 for
            output and joint, 1e-3 for feature.
    """

    adversary: AdversaryKind = "output"
    adversary_weight: float | None = None
    adversary_levels: str = ""
    adversary_loss: AdversaryLoss = "bce"
    discriminator_width: int = 0
    discriminator_lr: float = 0.0

    def problems(self, own: bool = False) -> Iterator[str]:
        """What is wrong with the settings themselves, a line each; an `own` network has levels of its own."""
        weight = self.adversary_weight
        if weight is not None and not (math.isfinite(weight) and weight >= 0):
            yield f"adversary_weight is {weight}; it cannot be negative or infinite"
        if self.adversary == "feature":
            strange = [level for level in self.levels if level not in FEATURE_LEVELS and not own]
            if strange or len(set(self.levels)) < len(self.levels):
                yield (
                    f"adversary_levels is '{self.adversary_levels}'; the feature adversary looks at any of"
                    f" {', '.join(FEATURE_LEVELS)}, each once"
                )
        elif self.levels not in OUTPUT_LEVELS and not (own and self.levels[0] == "outputs" and len(self.levels) == 2):
            allowed = " or ".join(",".join(levels) for levels in OUTPUT_LEVELS)
            yield f"adversary_levels is '{self.adversary_levels}'; the {self.adversary} adversary has {allowed}"
        if self.adversary == "feature" and self.adversary_loss != "bce":
            yield f"adversary_loss is {self.adversary_loss}; the feature adversary knows bce alone"
        if self.discriminator_width < 0:
            yield f"discriminator_width is {self.discriminator_width}; give channels, or 0 for the default"
        if not (math.isfinite(self.discriminator_lr) and self.discriminator_lr >= 0):
            yield f"discriminator_lr is {self.discriminator_lr}; it cannot be negative or infinite"
        yield from _choice_problems(self)

    @property
    def levels(self) -> tuple[str, ...]:
        """The names of the levels that are looked at."""
        if not self.adversary_levels:
            return ("up1", "up2") if self.adversary == "feature" else OUTPUT_LEVELS[0]
        return tuple(level.strip() for level in self.adversary_levels.split(","))

    @property
    def learning_rate(self) -> float:
        """The discriminators' peak learning rate: the user's, or the default of the kind of adversary."""
        return self.discriminator_lr or (1e-3 if self.adversary == "feature" else 1e-4)

    @property
    def active(self) -> bool:
        """Whether there is an adversary at all: one without weight would still show target images to batch norm."""
        return self.adversary_weight != 0


@dataclass(frozen=True)
class Compute:
    """Where the phases of a comparison are trained, and its runs evaluated.

    Args:
        workers: processes of this machine that train phases side by side and share its cores and GPUs; 1: this process
            alone.
        ray: address of a Ray cluster that does it instead: auto (the one this machine belongs to), local (one that is
            started here, for the duration), or HOST:PORT.
        retries: how often a phase is taken up again whose worker has died.
        cpus: cores for a phase on Ray.
        gpus: GPUs for a phase on Ray, or a part of one; -1 means one where the cluster has any and device allows it.
        memory_gb: main memory in GiB for a phase on Ray; 0 asks for none.
    """

    workers: int = 1
    ray: str = ""
    retries: int = 3
    cpus: int = 1
    gpus: float = -1.0
    memory_gb: float = 0.0

    def problems(self, training: Training) -> Iterator[str]:
        """What is wrong with the settings themselves, a line each."""
        for name, least in {"workers": 1, "retries": 0, "cpus": 1}.items():
            if getattr(self, name) < least:
                yield f"{name} is {getattr(self, name)}; the least is {least}"
        if not (math.isfinite(self.gpus) and (self.gpus >= 0 or self.gpus == -1)):
            yield f"gpus is {self.gpus}; give GPUs or a part of one, 0 for none, or -1"
        if not (math.isfinite(self.memory_gb) and self.memory_gb >= 0):
            yield f"memory_gb is {self.memory_gb}; it cannot be negative or infinite"
        if self.ray and self.workers > 1:
            yield f"workers is {self.workers}, but ray decides how many there are; leave one of them out"
        if training.devices > 1 and (self.ray or self.workers > 1):
            beside = f"ray is {self.ray}" if self.ray else f"workers is {self.workers}"
            yield (
                f"devices is {training.devices} and {beside}; phases either share devices one after the other or are"
                " trained side by side: leave one of them out"
            )


@dataclass(frozen=True)
class Settings:
    """All settings of a training, as one value to hand down."""

    pair: Pair
    architecture: Architecture = field(default_factory=Architecture)
    training: Training = field(default_factory=Training)
    adversarial: Adversarial = field(default_factory=Adversarial)

    @classmethod
    def of(
        cls, pair: Pair, architecture: Architecture | None, training: Training | None, adversarial: Adversarial | None
    ) -> "Settings":
        """With the defaults in place of what is not given."""
        return cls(pair, architecture or Architecture(), training or Training(), adversarial or Adversarial())

    def problems(self) -> list[str]:
        """What is wrong with the settings themselves, a line each."""
        own = self.architecture.own
        parts = (self.pair, self.architecture, self.training)
        found = [line for part in parts for line in part.problems()]
        if not own and self.training.freeze_after not in FREEZE_POINTS:
            found.append(f"freeze_after is '{self.training.freeze_after}'; choose from {', '.join(FREEZE_POINTS)}")
        return found + list(self.adversarial.problems(own))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for files; paths as strings."""
        plain = dataclasses.asdict(self)
        plain["pair"] |= {"source": str(self.pair.source), "target": str(self.pair.target)}
        plain["pair"] |= {"main": one_or_list(self.pair.mains), "anchor": one_or_list(self.pair.anchors)}
        return plain


def as_flags(settings: Mapping[str, Any], skip: Collection[str] = ()) -> list[str]:
    """Settings, as `Settings.as_dict` gives them, as flags: those that have no default, or another value than it."""
    parts = {"pair": Pair, "architecture": Architecture, "training": Training, "adversarial": Adversarial}
    return [
        f"--{field.name}={_as_flag(value)}"
        for part, kind in parts.items()
        for field in dataclasses.fields(kind)
        if (value := settings.get(part, {}).get(field.name)) not in (None, field.default) and field.name not in skip
    ]


def _as_flag(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _choice_problems(settings: Any) -> Iterator[str]:
    """Values outside a Literal: the command line's parser refuses them itself, Python callers meet this."""
    for name, kind in get_type_hints(type(settings)).items():
        choices = get_args(kind)
        value = getattr(settings, name)
        if choices and all(isinstance(c, str) for c in choices) and value not in choices:
            yield f"{name} is '{value}'; choose from {', '.join(choices)}"
