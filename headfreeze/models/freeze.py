"""The freeze: what comes after a stage of the network keeps its weights and statistics, and stays in eval mode."""

import hashlib
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

import torch
from torch import Tensor, nn

from headfreeze.errors import InputError, unknown
from headfreeze.models.hold import hold_in_eval, release


@runtime_checkable
class Staged(Protocol):
    """A network whose parts have names: all that `Freeze` asks of an `nn.Module`."""

    @property
    def stages(self) -> Mapping[str, Sequence[nn.Module]]:
        """The modules of each stage, in the order of the forward pass; together they hold every parameter."""


class Freeze:
    """Freezes what comes after the stage `after`, or with `only` all but that stage, until `unfreeze()` or the end of
    a `with` block.

    While it lasts, the frozen parameters get no gradient (nor weight decay: see `trainable`), and gradients pass
    through them to the layers below. The frozen modules are in eval mode whatever `train()` is called on, so norm
    layers keep their statistics and dropout is off; `eval()` reaches every module. The network's `state_dict` has the
    same keys as ever, and a copy of the network, or an unpickled one, is frozen as well.

        with Freeze(network, after="up2") as freeze:
            optimizer = AdamW(Freeze.trainable(network))
            ...
            freeze.verify()

    Raises:
        InputError: the network names no stages, or none like `after`; nothing comes after it; a parameter is in no
            stage; a module or parameter is on both sides of the freeze point, so it cannot be frozen and trained.
    """

    def __init__(self, network: nn.Module, after: str = "up2", only: str | None = None) -> None:
        frozen, trained = _all_but(network, only) if only else _split(network, after)
        _check_apart(network, frozen, trained, f"all but '{only}'" if only else f"after '{after}'")
        self._network = network
        self._names = _tensor_names(network, frozen)
        self._required = {n: t.requires_grad for n, t in self._tensors().items() if isinstance(t, nn.Parameter)}
        self._set_requires_grad(dict.fromkeys(self._required, False))
        self._held = [m for module in frozen for m in hold_in_eval(module)]
        self._checksum = self.checksum()

    @staticmethod
    def trainable(network: nn.Module) -> list[nn.Parameter]:
        """The parameters for the optimizer: those that are not frozen."""
        return [p for p in network.parameters() if p.requires_grad]

    def checksum(self) -> str:
        """SHA-256 over names, types, shapes and bytes of the frozen parameters and buffers as they are now."""
        digest = hashlib.sha256()
        for name, tensor in self._tensors().items():
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            # reshape(-1) puts the elements in the order of their indices, whatever the memory format
            digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def verify(self, expected: str | None = None) -> None:
        """Compares with the checksum at the start of the freeze, or with `expected`, which an interrupted run stored.

        Raises:
            RuntimeError: a frozen tensor has changed.
        """
        expected = expected or self._checksum
        if (now := self.checksum()) != expected:
            raise RuntimeError(f"frozen tensors have changed: their checksum was {expected[:12]}, now it is {now[:12]}")

    def unfreeze(self) -> None:
        """Ends the freeze. Modules stay in eval mode until the next `train()`. A second call does nothing."""
        self._set_requires_grad(self._required)
        release(self._held)
        self._required, self._held = {}, []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.unfreeze()

    def _tensors(self) -> dict[str, Tensor]:
        """The frozen parameters and buffers, looked up by name: loading a checkpoint may have put others in place."""
        everything = _named_tensors(self._network)
        return {name: everything[name] for name in self._names}

    def _set_requires_grad(self, required: Mapping[str, bool]) -> None:
        parameters = dict(self._network.named_parameters(remove_duplicate=False))
        for name, value in required.items():
            parameters[name].requires_grad_(value)
            parameters[name].grad = None


def _stages(network: nn.Module, named: str) -> Mapping[str, Sequence[nn.Module]]:
    """The stages of a network, `named` among them."""
    if not isinstance(network, Staged):
        raise InputError(f"cannot freeze a {type(network).__name__}: give it a property `stages` that names its stages")
    stages: Mapping[str, Sequence[nn.Module]] = network.stages
    if named not in stages:
        raise InputError(unknown("stage", named, stages))
    return stages


def _all_but(network: nn.Module, only: str) -> tuple[list[nn.Module], list[nn.Module]]:
    """The modules of all other stages, and those of the stage `only`."""
    stages = _stages(network, only)
    return [m for name in stages if name != only for m in stages[name]], list(stages[only])


def _split(network: nn.Module, after: str) -> tuple[list[nn.Module], list[nn.Module]]:
    """The modules after the stage `after`, and those up to it."""
    stages = _stages(network, after)
    names = list(stages)
    if after == names[-1]:
        raise InputError(f"nothing comes after stage '{after}': freeze after {' or '.join(names[:-1])}")
    end = names.index(after) + 1
    return [m for n in names[end:] for m in stages[n]], [m for n in names[:end] for m in stages[n]]


def _check_apart(network: nn.Module, frozen: list[nn.Module], trained: list[nn.Module], what: str) -> None:
    """Raises where a module or parameter is on both sides of the freeze point, or a parameter on neither."""
    inside, outside = ({id(m) for module in side for m in module.modules()} for side in (frozen, trained))
    for name, module in network.named_modules():
        if id(module) in inside & outside:
            raise InputError(f"cannot freeze {what}: module {name or 'itself'} is in stages on both sides of it")
    held, free = ({id(p) for module in side for p in module.parameters()} for side in (frozen, trained))
    for name, parameter in network.named_parameters():
        if id(parameter) in held & free:
            raise InputError(f"cannot freeze {what}: parameter {name} is shared by stages on both sides of it")
        if id(parameter) not in held | free:
            raise InputError(f"cannot freeze {what}: parameter {name} is in no stage; add its module to one")


def _named_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name, under each of their names where they have several."""
    buffers = dict(module.named_buffers(remove_duplicate=False))
    return {**dict(module.named_parameters(remove_duplicate=False)), **buffers}


def _tensor_names(network: nn.Module, part: list[nn.Module]) -> list[str]:
    ids = {id(t) for module in part for t in _named_tensors(module).values()}
    return sorted(name for name, tensor in _named_tensors(network).items() if id(tensor) in ids)
