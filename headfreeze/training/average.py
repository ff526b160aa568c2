"""The moving average of a network's weights, for those who want it as the result."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def averaged(network: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of the network, norm statistics included; whole numbers are the network's own."""
    average = get_ema_multi_avg_fn(decay)

    def update(kept: Sequence[Tensor], now: Sequence[Tensor], count: Tensor | int) -> None:
        if kept[0].is_floating_point():
            average(list(kept), list(now), count)
        else:  # batches seen, flags: their mean would be cut off to the whole number below
            for one, other in zip(kept, now, strict=True):
                one.copy_(other)

    return AveragedModel(network, multi_avg_fn=update, use_buffers=True)
