"""What batch norm does with two domains: one set of statistics for both, fixed statistics, or one set each.

Batch norm mixes what it is shown: a network that forwards target images while it trains adapts its statistics to them,
whatever its losses say. So the policy is a choice, the same for all recipes of a comparison.

- `shared`: one set of statistics, of all images of a batch together.
- `frozen`: every norm layer keeps the statistics it came with, and the backbone's keep their scale and bias as well.
  For pretrained backbones; from scratch it is pointless, since a new layer's statistics say nothing about any image.
- `per_domain`: each norm layer has one set for the source and one for the target, scale and bias included
  (Chang et al., CVPR 2019, arXiv 1906.03950). The target's starts as a copy of the source's.

Networks without batch norm are left as they are.
"""

import copy
from dataclasses import dataclass
from typing import get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from headfreeze.errors import InputError, unknown
from headfreeze.models.hold import hold_in_eval
from headfreeze.recipes import Domain
from headfreeze.settings.architecture import Norm


@dataclass
class Domains:
    """Which images of the present batch are source images. One object, read by all `DomainNorm`s of a network."""

    n_source: int | None = None
    """The first so many; None: all or none of them, as `domain` says."""
    domain: Domain = "source"


class TwoDomains(nn.Module):
    """A network that is told which domain's images it sees."""

    def __init__(self) -> None:
        super().__init__()
        self._domains = Domains()

    @property
    def domain(self) -> Domain:
        """Which domain's norm layers a batch goes through where `forward` is not told `n_source`: source or target."""
        return self._domains.domain

    @domain.setter
    def domain(self, domain: Domain) -> None:
        if domain not in get_args(Domain):
            raise InputError(unknown("domain", domain, get_args(Domain)))
        self._domains.domain = domain

    def follow(self, other: "TwoDomains") -> None:
        """From now on what `other` is told holds for this network, too, as for a part of it."""
        self._domains = other._domains
        for module in self.modules():
            if isinstance(module, DomainNorm):
                module.domains = other._domains

    def _tell(self, image: Tensor, n_source: int | None) -> None:
        """What the norm layers need to know of a batch.

        Raises:
            ValueError: there are fewer than `n_source` images.
        """
        if n_source is not None and not 0 <= n_source <= len(image):
            raise ValueError(f"n_source is {n_source}, but the batch holds {len(image)} images")
        self._domains.n_source = n_source


class DomainNorm(nn.Module):
    """A batch norm for each domain; the batch is source images, then target images, split as `domains` says.

    Until the target's first training batch its layer is a copy of the source's, brought up to date when the mode
    changes and with that batch. So target images can be predicted after training without any, and averages of weights
    start near the source's. `norm` may be any subclass of `BatchNorm2d`, timm's `BatchNormAct2d` (with an activation)
    included.
    """

    target_started: Tensor

    def __init__(self, norm: nn.BatchNorm2d, domains: Domains) -> None:
        super().__init__()
        self.source = norm
        self.target = copy.deepcopy(norm)
        self.domains = domains
        self.register_buffer("target_started", torch.tensor(False))
        self._started = False  # the buffer's value: reading the buffer in `forward` would wait for the device

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Each image normalised by its own domain's layer."""
        n_source, domain = self.domains.n_source, self.domains.domain
        if n_source is not None and n_source in (0, len(x)):
            n_source, domain = None, "source" if n_source else "target"
        if n_source is None and domain == "source":
            return self.source(x)
        if self.training and not self._started:  # before the source's layer takes note of this batch
            self._follow_source()
            self.target_started.fill_(True)
            self._started = True
        if n_source is None:
            return self.target(x)
        return torch.cat([self.source(x[:n_source]), self.target(x[n_source:])])

    def train(self, mode: bool = True) -> "DomainNorm":
        """As for any module."""
        self._follow_source()
        return super().train(mode)

    def _follow_source(self) -> None:
        """Copies the source's layer unless the target has started, as its buffer says: a checkpoint may have set it."""
        self._started = bool(self.target_started)
        if not self._started:
            self.target.load_state_dict(self.source.state_dict())


def apply_norm_policy(network: nn.Module, backbone: nn.Module, policy: str, domains: Domains) -> None:
    """Makes all batch norm layers of `network` follow `policy`; `backbone` is the part of it that may be pretrained.

    Raises:
        InputError: there is no such policy.
    """
    if policy not in get_args(Norm):
        raise InputError(unknown("norm", policy, get_args(Norm)))
    if policy == "frozen":
        for norm in _batch_norms(network):
            hold_in_eval(norm)
        for norm in _batch_norms(backbone):
            norm.requires_grad_(False)
    if policy == "per_domain":
        _replace(network, domains)


def _batch_norms(module: nn.Module) -> list[nn.BatchNorm2d]:
    return [m for m in module.modules() if isinstance(m, nn.BatchNorm2d)]


def _replace(module: nn.Module, domains: Domains) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, DomainNorm(child, domains))
        else:
            _replace(child, domains)
