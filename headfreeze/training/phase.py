"""One phase: the training loop, on Fabric (devices and precision), with all of its state in one place."""

import copy
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from headfreeze.adversaries.indicator import indicator
from headfreeze.data.batch import DeviceBatch
from headfreeze.models.freeze import Freeze
from headfreeze.progress import Report
from headfreeze.settings import Training as TrainingSettings
from headfreeze.training import probe
from headfreeze.training.average import averaged
from headfreeze.training.events import EventFiles
from headfreeze.training.losses import loss_name, loss_terms, total_loss
from headfreeze.training.opponent import Opponent
from headfreeze.training.parts.base import Part, Weights
from headfreeze.training.plan import PhaseData, PhasePlan
from headfreeze.training.processes import average_gradients, by_first, dividing, mean
from headfreeze.training.progressed import Progressed
from headfreeze.training.schedule import make_optimizer, rate_factor
from headfreeze.training.store import PhaseFolder
from headfreeze.training.supply import Supply
from headfreeze.training.validation import validation_losses
from headfreeze.training.weighing import Weighing

_VALIDATIONS = 10
_REPORTS = 200
_SECONDS_BETWEEN_REPORTS = 2.0
_PATIENCE = 3
_IMPROVEMENT = 1e-3


class PhaseTraining:
    """Trains a network through one phase, resuming where an earlier call was interrupted.

    Args:
        fabric: device, precision, and the processes that share the work.
        network: gets its weights changed in place; starts from the phase before, or fresh.
        plan: what to do.
        data: what to see.
        settings: how to train.
        folder: where the state is kept.
        opponent: an adversary that takes part.
        parts: what else does.
    """

    def __init__(
        self,
        fabric: Fabric,
        network: nn.Module,
        plan: PhasePlan,
        data: PhaseData,
        settings: TrainingSettings,
        folder: PhaseFolder,
        opponent: Opponent | None = None,
        parts: Sequence[Part] = (),
    ) -> None:
        self.opponent, self.parts = opponent, parts
        self.fabric, self.plan, self.data, self.settings, self.folder = fabric, plan, data, settings, folder
        self.network = network.to(fabric.device).to(memory_format=torch.channels_last)
        self.freeze = plan.freeze(self.network)
        # Fused optimizers undo the scaling of half precision themselves, after gradients would have been clipped.
        fused = fabric.device.type in ("cpu", "cuda") and settings.precision != "16"
        optimizer = make_optimizer(Freeze.trainable(self.network), settings, plan.rate, fused)
        self.module, self.optimizer = fabric.setup(self.network, optimizer)
        self.average = averaged(self.network, settings.ema) if settings.ema else None
        self.supply = Supply(fabric, plan, data, settings, parts)
        self.weighing = Weighing(plan, data, settings)
        self.events = EventFiles(folder.path / "tensorboard") if settings.tensorboard else None
        self.at = Progressed()

    def run(self, report: Report) -> dict[str, Any]:
        """Trains to the end of the phase, keeps the result in the phase's folder, and gives what it found."""
        self._restore()
        if not self.at.weights:
            self.at.weights = self.weighing.given or self.weighing.untrained(self.network, self.supply)
        if self.freeze:
            self.at.frozen = self.at.frozen or self.freeze.checksum()
        self._train(report)
        kept = self._ended(self._kept)
        if self.freeze:
            self.freeze.verify(self.at.frozen)
            self.freeze.unfreeze()
        result = by_first(self.fabric, lambda: self._finish(kept))
        if kept is not self.network:
            self.network.load_state_dict(kept.state_dict())
        return result

    @property
    def _kept(self) -> nn.Module:
        """What is kept of the phase, up to what its parts do at the end: the average, where there is one."""
        return self.average.module if self.average else self.network

    def _ended(self, kept: nn.Module) -> nn.Module:
        """The same network, after the parts have done what they do at the end."""
        for part in self.parts:
            part.finished(kept, self.supply.plain)
        return kept

    def _finish(self, kept: nn.Module) -> dict[str, Any]:
        """Keeps the phase's result in its folder; gives what was found."""
        result = self._found(kept)
        if self.at.snapshots:
            result["snapshots"] = self.at.snapshots
        self.folder.finish(kept.state_dict(), result, self.at.history)
        return result

    def _found(self, kept: nn.Module) -> dict[str, Any]:
        """What there is to say of the network after this step.

        Raises:
            FloatingPointError: the last step has made a weight infinite or NaN.
        """
        if not all(bool(value.isfinite().all()) for value in kept.state_dict().values()):
            raise FloatingPointError(f"the weights are not finite after step {self.at.step}; {self._repair}")
        result = {
            "steps": self.at.step,
            "weights": self.at.weights,
            "validation": self.at.history[-1] if self.at.history else {},
            "images_per_second": self._images_per_second(),
        }
        if self.data.augment.source_pitch_deg:
            result["source_pitch_deg"] = self.data.augment.source_pitch_deg
        for part in self.parts:
            result |= part.found()
        if self.opponent:
            probes = probe.probed(self.opponent.adversary, kept, self.supply.augmented_sample(probe.IMAGES))
            result["adversary"] = indicator(self.at.accuracies, probes)
        return result

    def _keep_snapshot(self) -> None:
        """Keeps what the result would be if the phase ended here; training goes on as if nothing had happened."""
        kept = self._ended(copy.deepcopy(self._kept))

        def keep() -> dict[str, Any]:
            self.folder.keep_snapshot(self.at.step, kept.state_dict())
            return self._found(kept)

        self.at.snapshots.append(by_first(self.fabric, keep))

    def _train(self, report: Report) -> None:
        settings, plan = self.settings, self.plan
        every = settings.validate_every or math.ceil(plan.steps / _VALIDATIONS)
        shown = max(1, plan.steps // _REPORTS)
        saved = reported = time.monotonic()
        self.module.train()
        batches = self.supply.batches(self.at.step)
        pending: list[dict[str, Tensor]] = []
        while self.at.step < plan.steps:
            started = time.perf_counter()
            pending.append(self.take_step(batches))
            self.at.step += 1
            if self.at.step == self.weighing.opening:
                self._book(pending)
                self.at.weights = self.weighing.trained(self.at.opening_sums)
                self.at.opening_sums = {}
            snapshot = self.at.step in plan.snapshots
            due = snapshot or self.at.step % every == 0 or self.at.step == plan.steps
            waited = time.monotonic() - reported >= _SECONDS_BETWEEN_REPORTS  # so that slow steps are heard of, too
            if due or waited or len(pending) >= shown:
                self._book(pending)
                self.at.seconds += time.perf_counter() - started
                report(self.at.step, self._line())
                reported = time.monotonic()
            else:
                self.at.seconds += time.perf_counter() - started
            if due:
                self._validate()
                if plan.until_plateau and self._on_plateau():
                    break
            if snapshot:
                self._keep_snapshot()
            if time.monotonic() - saved >= settings.checkpoint_every and self.at.step < plan.steps:
                self._book(pending)
                if self.fabric.is_global_zero:
                    self.folder.save_state(self._state(), self.at.history)
                saved = time.monotonic()

    def take_step(self, batches: Iterator[DeviceBatch]) -> dict[str, Tensor]:
        """One optimisation step; gives its losses, still on the device."""
        progress = self.at.step / self.plan.steps
        rate = self.plan.rate * rate_factor(self.settings.schedule, self._of_budget(progress))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        found: dict[str, Tensor] = {}
        share = 1 / self.settings.accumulate
        for _ in range(self.settings.accumulate):
            for name, value in self._gradients(next(batches), progress, share).items():
                found[name] = found.get(name, 0.0) + value.detach() * share
        average_gradients(self.fabric, self.network.parameters())
        if self.settings.clip:
            self.fabric.clip_gradients(
                self.module, self.optimizer, max_norm=self.settings.clip, error_if_nonfinite=False
            )
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.opponent:
            self.opponent.step(progress, rate)
        for part in self.parts:
            part.stepped(self._of_budget(progress))
        if self.average:
            self.average.update_parameters(self.network)
        return found

    def _gradients(self, batch: DeviceBatch, progress: float, share: float) -> dict[str, Tensor]:
        """Adds up gradients of a batch's losses × share; gives the step's numbers."""
        opposed = None
        with dividing(self.fabric):
            outputs = self.module(batch.image, batch.n_source)
            terms = loss_terms(outputs, batch, self.data.tasks)
            weights: Weights = self.at.weights
            for part in self.parts:
                weights = part.weighted(terms, outputs, weights)
            loss = total_loss(terms, weights)
            if self.opponent:
                opposed = self.opponent.oppose(outputs, batch, progress, self.at.weights)
            added = [part.losses(outputs, batch, self._of_budget(progress), weights) for part in self.parts]
        found = ({"loss": loss} if terms else {}) | {loss_name(key): term for key, term in terms.items()}
        for more in added:
            found |= more
            loss = sum(more.values(), loss)
        self.fabric.backward((loss + opposed.loss if opposed else loss) * share)
        if self.opponent and opposed:
            numbers = self.opponent.learn(opposed, batch.n_source, share)
            found |= {name: mean(self.fabric, value.detach()) for name, value in numbers.items()}
        return found

    def _book(self, pending: list[dict[str, Tensor]]) -> None:
        """Books the last steps; the only place where the loop waits for the device."""
        self.at.book(pending, opening=self.at.step <= self.weighing.opening)
        pending.clear()
        if not all(math.isfinite(value) for value in self.at.sums.values()):
            raise FloatingPointError(f"the loss is not finite at step {self.at.step}; {self._repair}")

    def _of_budget(self, progress: float) -> float:
        """How far the budget is used up where this phase is so far."""
        begin, end = self.plan.span
        return begin + (end - begin) * progress

    @property
    def _repair(self) -> str:
        rates = "lr or discriminator_lr" if self.opponent else "lr"
        return f"lower {rates}, or set precision to 32"

    def _line(self) -> str:
        means = self.at.means()
        numbers = (f"{name.removeprefix('loss_')} {value:.3f}" for name, value in means.items() if name != "loss")
        return f"{self._images_per_second():.0f} images/s, {', '.join(numbers)}"

    def _images_per_second(self) -> float:
        images = self.at.step * self.settings.accumulate * self.settings.batch_size * len(self.data.train)
        return images / self.at.seconds if self.at.seconds else 0.0

    def _validate(self) -> None:
        network = self._kept
        losses = by_first(
            self.fabric, lambda: validation_losses(network, self.data, self.settings.batch_size, self.supply.on_device)
        )
        row = self.at.validated({f"val_{domain}_{name}": loss for (domain, name), loss in losses.items()})
        if self.events and self.fabric.is_global_zero:
            self.events.write(row)
        self.module.train()

    def _on_plateau(self) -> bool:
        """Whether the source's validation loss has not fallen during the last validations."""
        weights = self.at.weights
        scores = [
            sum(weights[name] * row[f"val_source_{name}"] for name in self.data.tasks if f"val_source_{name}" in row)
            for row in self.at.history
        ]
        if len(scores) <= _PATIENCE:
            return False
        return min(scores[-_PATIENCE:]) > min(scores[:-_PATIENCE]) * (1 - _IMPROVEMENT)

    def _state(self) -> dict[str, Any]:
        state = {
            "at": vars(self.at),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "precision": self.fabric.strategy.precision.state_dict(),
        }
        state |= {"average": self.average.state_dict()} if self.average else {}
        state |= {"parts": [part.state_dict() for part in self.parts]} if self.parts else {}
        return state | ({"opponent": self.opponent.state_dict()} if self.opponent else {})

    def _restore(self) -> None:
        state = self.folder.load_state()
        if state is None:
            return
        self.at = Progressed(**state["at"])
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.fabric.strategy.precision.load_state_dict(state["precision"])
        if self.average:
            self.average.load_state_dict(state["average"])
        if self.opponent:
            self.opponent.load_state_dict(state["opponent"])
        for part, kept in zip(self.parts, state.get("parts", ()), strict=True):
            part.load_state_dict(kept)
