"""Modules that stay in eval mode whatever `train()` is called on: on them, on a part of them, or on what holds them."""

from torch import nn


class _StayInEval:
    """Stands in for a module's own `train`. An object, not a closure, so that the module can be copied and pickled."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def __call__(self, mode: bool = True) -> nn.Module:
        del mode
        return type(self.module).train(self.module, False)


def hold_in_eval(module: nn.Module) -> list[nn.Module]:
    """Puts `module` and all it holds in eval mode to stay; gives those that were not held already, for `release`."""
    module.eval()
    held = [m for m in module.modules() if "train" not in vars(m)]
    for m in held:
        vars(m)["train"] = _StayInEval(m)
    return held


def release(held: list[nn.Module]) -> None:
    """Undoes `hold_in_eval`: from now on `train()` reaches these modules. Their mode stays eval until it is called."""
    for module in held:
        vars(module).pop("train", None)
