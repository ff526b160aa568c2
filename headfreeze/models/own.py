"""A network of the user's own in the place of `Network`: any `nn.Module` that a function of theirs builds.

`--backbone package.module:function` names a function that takes the outputs, {task: OutputSpec}, and gives the module:

    def build(outputs: Mapping[str, OutputSpec]) -> nn.Module: ...

- Required: `module(image)` for RGB images (b, 3, h, w) in [0, 1] gives {task: map}, each (b, channels, ·, ·) at any
  resolution; or `Outputs`, where a task wants numbers per image or an adversary features.
- For recipes that freeze a head: a property `stages`, see `headfreeze.models.freeze.Staged`.
- For adversaries on features: `Outputs.features`, {level: (b, c, ·, ·)}.

What two domains do to batch norm (`--norm`) is done to the module from outside.
"""

import hashlib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from headfreeze.errors import InputError, unknown
from headfreeze.imports import import_module_here
from headfreeze.models.freeze import Staged
from headfreeze.models.network import Network, Outputs, OutputSpec
from headfreeze.models.norm import TwoDomains, apply_norm_policy
from headfreeze.models.transfer import TransferNetwork

_IMAGES = 2


class OwnNetwork(TwoDomains):
    """A module of the user's with all that training, evaluation and prediction ask of a `Network`.

    It is tried out on black images first, so that what it lacks is said before anything is trained.

    Args:
        module: the user's.
        outputs: task name → what it must give.
        name: of the function that built it, for errors.
        norm: what batch norm does with two domains, see `headfreeze.models.norm`; frozen: scale and bias are fixed in
            the first stage, or everywhere if the module names no stages.
        size: height and width of the images to try.

    Attributes:
        channels: of the features of each level that it gives; empty where it gives none.
        strides: pixels of the image for one of these features.

    Raises:
        InputError: it fails, or does not give what the tasks need.
    """

    def __init__(
        self,
        module: nn.Module,
        outputs: Mapping[str, OutputSpec],
        name: str = "module",
        norm: str = "shared",
        size: tuple[int, int] = (64, 64),
    ) -> None:
        super().__init__()
        self.module = module
        self.name = name
        named = isinstance(module, Staged)
        first = next(iter(self.stages.values())) if named else [module]
        apply_norm_policy(self, nn.ModuleList(first), norm, self._domains)
        tried = self._tried(size)
        self._check(tried, outputs)
        self.channels = {level: value.shape[1] for level, value in tried.features.items()}
        self.strides = {level: round(size[0] / value.shape[-2]) for level, value in tried.features.items()}

    @property
    def coarsest_stride(self) -> int:
        """As of `Network`, of the features that it gives; 1 where it gives none."""
        return max(self.strides.values(), default=1)

    @property
    def stages(self) -> Mapping[str, Sequence[nn.Module]]:
        """The module's own.

        Raises:
            InputError: it names none.
        """
        if not isinstance(self.module, Staged):
            raise InputError(
                f"backbone '{self.name}': {_kind(self.module)} names no stages, so no head of it can be frozen; give it"
                " a property `stages` with {name: [its modules]}, from the input to the outputs"
            )
        stages: Mapping[str, Sequence[nn.Module]] = self.module.stages
        return stages

    def forward(self, image: Float[Tensor, "b 3 h w"], n_source: int | None = None) -> Outputs:
        """As of `Network`."""
        self._domains.n_source = n_source
        given = self.module(image)
        return given if isinstance(given, Outputs) else Outputs(dict(given), {}, {})

    def fingerprint(self) -> dict[str, str]:
        """What tells this network from others: the file of its builder, and what its tensors are called and shaped.

        A change in another module that the builder calls shows here only where it changes the tensors.
        """
        builder = import_builder(self.name)
        layout = [(name, str(value.dtype), tuple(value.shape)) for name, value in self.state_dict().items()]
        return {"source": _digest(_source_of(builder)), "tensors": _digest(repr(layout).encode())}

    def _tried(self, size: tuple[int, int]) -> Outputs:
        """What it gives for black images of this size; weights, mode and random numbers stay as they are."""
        mode = self.module.training
        self.module.eval()
        try:
            with torch.random.fork_rng(devices=[]), torch.no_grad():
                given = self.module(torch.zeros(_IMAGES, 3, *size))
        except InputError:
            raise
        except Exception as error:  # whatever the user's code raises
            raise self._fault(
                f"fails on images of {size[0]}x{size[1]} pixels ({type(error).__name__}: {error}); give it other images"
                " with --size, or let it pad them"
            ) from error
        finally:
            self.module.train(mode)
        if not isinstance(given, Mapping | Outputs):
            raise self._fault(f"gives a {_kind(given)}; give {{task: map}} or headfreeze.Outputs")
        return given if isinstance(given, Outputs) else Outputs(dict(given), {}, {})

    def _check(self, tried: Outputs, outputs: Mapping[str, OutputSpec]) -> None:
        for task, spec in outputs.items():
            if spec.channels:
                self._check_shape(f"the map of '{task}'", tried.maps.get(task), f"(b, {spec.channels}, h, w)")
            if spec.vector_channels:
                self._check_shape(f"the vector of '{task}'", tried.vectors.get(task), f"(b, {spec.vector_channels})")
        for level, value in tried.features.items():
            self._check_shape(f"the feature '{level}'", value, "(b, c, h, w)")

    def _check_shape(self, what: str, value: object, wanted: str) -> None:
        if value is None:
            raise self._fault(f"does not give {what}; it must be there, {wanted}")
        if not isinstance(value, Tensor):
            raise self._fault(f"gives {what} as a {_kind(value)}; it must be a tensor {wanted}")
        sides = wanted.strip("()").split(", ")
        fits = value.ndim == len(sides) and len(value) == _IMAGES
        if not fits or any(s.isdigit() and int(s) != n for s, n in zip(sides, value.shape, strict=True)):
            raise self._fault(f"gives {what} as {tuple(value.shape)} for {_IMAGES} images; it must be {wanted}")

    def _fault(self, what: str) -> InputError:
        return InputError(f"backbone '{self.name}': {_kind(self.module)} {what}")


AnyNetwork = Network | OwnNetwork | TransferNetwork


def own_network(
    path: str, outputs: Mapping[str, OutputSpec], norm: str = "shared", size: tuple[int, int] = (64, 64)
) -> OwnNetwork:
    """The network that the function `path`, package.module:function, builds for these outputs.

    Raises:
        InputError: there is no such function, it fails, or what it builds does not do.
    """
    builder = import_builder(path)
    try:
        module = builder(dict(outputs))
    except InputError:
        raise
    except Exception as error:  # whatever the user's code raises
        raise InputError(f"backbone '{path}': building it failed ({type(error).__name__}: {error})") from error
    if not isinstance(module, nn.Module):
        raise InputError(f"backbone '{path}': gives a {_kind(module)}; it must build a torch.nn.Module")
    return OwnNetwork(module, outputs, path, norm, size)


def import_builder(path: str) -> Callable[..., Any]:
    """The function that `path`, package.module:function, names; modules in the working folder are found, too.

    Raises:
        InputError: there is none, or it is none that builds a network: its one argument must be called `outputs`.
    """
    if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*", path):
        raise InputError(f"backbone '{path}': give package.module:function, a timm name, or tiny")
    place, _, name = path.partition(":")
    module = import_module_here(place, f"backbone '{path}'")
    own = [n for n, value in vars(module).items() if _builds(value)]
    if not hasattr(module, name):
        raise InputError(f"backbone '{path}': {unknown('function', name, own)}")
    builder: Callable[..., Any] = getattr(module, name)
    if not _builds(builder):
        raise InputError(f"backbone '{path}': {name} is no function of one argument, outputs, {{task: OutputSpec}}")
    return builder


def _builds(value: object) -> bool:
    """Whether it can be called with outputs alone: nothing else in a module is ever called, whoever wrote the run."""
    if not callable(value):
        return False
    try:
        parameters = list(inspect.signature(value).parameters.values())
    except (TypeError, ValueError):
        return False
    needed = [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return needed == ["outputs"] or (not needed and bool(parameters) and parameters[0].name == "outputs")


def _source_of(builder: Callable[..., Any]) -> bytes:
    path = inspect.getsourcefile(builder)
    assert path is not None  # it was imported by name
    return Path(path).read_bytes()


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _kind(value: object) -> str:
    return type(value).__name__
