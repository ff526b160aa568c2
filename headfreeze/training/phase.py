"""One phase: the training loop, on Fabric (devices and precision), with all of its state in one place."""

import copy
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from headfreeze.adversaries.indicator import indicator
from headfreeze.data.augment import PLAIN, augmented
from headfreeze.data.batch import DeviceBatch, LabelKey
from headfreeze.data.canvas import expand
from headfreeze.data.loader import DomainBatch, DomainImages, TrainingSteps, training_loader
from headfreeze.models.freeze import Freeze
from headfreeze.progress import Report
from headfreeze.settings import Training as TrainingSettings
from headfreeze.training import probe
from headfreeze.training.average import averaged
from headfreeze.training.events import EventFiles
from headfreeze.training.losses import balancing_weights, loss_terms, total_loss
from headfreeze.training.opponent import Opponent
from headfreeze.training.parts.base import Part, Weights
from headfreeze.training.plan import PhaseData, PhasePlan
from headfreeze.training.processes import average_gradients, by_all, by_first, dividing, gathered, mean
from headfreeze.training.progressed import Progressed
from headfreeze.training.schedule import make_optimizer, rate_factor
from headfreeze.training.store import PhaseFolder
from headfreeze.training.validation import validation_losses

_VALIDATIONS = 10
_REPORTS = 200
_SECONDS_BETWEEN_REPORTS = 2.0
_MEASURED_BATCHES = 8
_OPENING = 0.1
"""Share of a phase after which λ is measured for good."""
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
        self.generator = torch.Generator(fabric.device)
        self.events = EventFiles(folder.path / "tensorboard") if settings.tensorboard else None
        moving, rank, processes = data.augment.mode != "none", fabric.global_rank, fabric.world_size
        self.steps = TrainingSteps(data.train, settings.batch_size, plan.seed, moving, rank, processes)
        self.at = Progressed()
        self.augment = data.augment
        for part in parts:
            self.augment = part.augmenting(self.augment, self._measured_batches)

    def run(self, report: Report) -> dict[str, Any]:
        """Trains to the end of the phase, keeps the result in the phase's folder, and gives what it found."""
        self._restore()
        if not self.at.weights:
            self.at.weights = self._given_weights() or self._first_weights()
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
            part.finished(kept, self._some_batches)
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
        if self.augment.source_pitch_deg:
            result["source_pitch_deg"] = self.augment.source_pitch_deg
        if self.opponent:
            probes = probe.probed(self.opponent.adversary, kept, self._sample())
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
        batches = self.batches()
        pending: list[dict[str, Tensor]] = []
        while self.at.step < plan.steps:
            started = time.perf_counter()
            pending.append(self.take_step(batches))
            self.at.step += 1
            if self.at.step == self._opening_steps:
                self._book(pending)
                self._fix_weights()
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

    def take_step(self, batches: Iterator[tuple[int, dict[str, DomainBatch]]]) -> dict[str, Tensor]:
        """One optimisation step; gives its losses, still on the device."""
        progress = self.at.step / self.plan.steps
        rate = self.plan.rate * rate_factor(self.settings.schedule, self._of_budget(progress))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        found: dict[str, Tensor] = {}
        share = 1 / self.settings.accumulate
        for _ in range(self.settings.accumulate):
            batch = self._prepared(*by_all(self.fabric, lambda: next(batches)))
            for name, value in self._gradients(batch, progress, share).items():
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
        found = ({"loss": loss} if terms else {}) | {_name(key): term for key, term in terms.items()}
        for more in added:
            found |= more
            loss = sum(more.values(), loss)
        self.fabric.backward((loss + opposed.loss if opposed else loss) * share)
        if self.opponent and opposed:
            numbers = self.opponent.learn(opposed, batch.n_source, share)
            found |= {name: mean(self.fabric, value.detach()) for name, value in numbers.items()}
        return found

    def batches(self) -> Iterator[tuple[int, dict[str, DomainBatch]]]:
        """Numbered batches of the loader, from the present step to the phase's last."""
        first, last = (step * self.settings.accumulate for step in (self.at.step, self.plan.steps))
        pin = self.fabric.device.type == "cuda"
        return enumerate(training_loader(self.steps, first, last, self.data.workers, pin), first)

    def _prepared(self, number: int, batch: dict[str, DomainBatch]) -> DeviceBatch:
        """Batch `number` on the device and augmented; its random numbers are its own, so a resumed run repeats them.

        Of several processes each gives its part, and gets that part of the whole batch, augmented.
        """
        self.generator.manual_seed(self.plan.seed * 1_000_003 + number)
        own = self.fabric.global_rank << 56  # each process drops out other places of its images
        torch.manual_seed(self.plan.seed * 1_000_003 + number + own)  # for a backbone's own dropout
        whole = augmented(self.on_device(gathered(self.fabric, batch)), self.augment, self.generator)
        for part in self.parts:
            whole = part.prepared(whole, self.generator)
        if len(self.plan.forwarded) == 1:
            whole = whole.only(self.plan.forwarded[0])
        return whole.part(self.fabric.global_rank, self.fabric.world_size)

    def _sample(self) -> list[DeviceBatch]:
        """Some training images of every domain, augmented as the discriminators see them."""
        images = self.data.train
        count = min(probe.IMAGES, *map(len, images.values()))
        size = max(1, min(self.settings.batch_size, count // 2))
        self.generator.manual_seed(self.plan.seed)
        batches = [
            {domain: own.windows(range(start, start + size), None) for domain, own in images.items()}
            for start in range(0, count - size + 1, size)
        ]
        return [augmented(self.on_device(batch), self.augment, self.generator) for batch in batches]

    def _some_batches(self) -> Iterator[DeviceBatch]:
        return self._first_batches(self.data.train, self.plan.seed)

    def _measured_batches(self) -> Iterator[DeviceBatch]:
        return self._first_batches(self.data.measured, self.plan.measuring_seed)

    def _first_batches(self, images: Mapping[str, DomainImages], seed: int) -> Iterator[DeviceBatch]:
        """Some training batches, not augmented; the same for every process."""
        steps = TrainingSteps(images, self.settings.batch_size, seed, False)
        for number in range(_MEASURED_BATCHES * 4):
            yield augmented(self.on_device(steps[number]), PLAIN)

    def on_device(self, batch: dict[str, DomainBatch]) -> DeviceBatch:
        """A batch of the loader as one batch on the device, not augmented yet."""
        moved = {d: {k: v.to(self.fabric.device, non_blocking=True) for k, v in b.items()} for d, b in batch.items()}
        image = torch.cat([values["image"] for values in moved.values()])  # source first: dicts keep their order
        size = (image.shape[-2], image.shape[-1])
        labels = {
            (domain, name): expand(values[name], task, size)
            for domain, values in moved.items()
            for name, task in self.data.tasks.items()
            if name in values
        }
        return DeviceBatch(image, labels, len(moved["source"]["image"]) if "source" in moved else 0)

    def _given_weights(self) -> dict[str, float] | None:
        """λ that the user sets, or that the phase before has measured."""
        if self.settings.anchor_weight:
            return {name: 1.0 if name in self.data.mains else self.settings.anchor_weight for name in self.data.tasks}
        return self.plan.weights

    @property
    def _opening_steps(self) -> int:
        """Steps from which λ is measured; 0 where it is given."""
        return 0 if self._given_weights() else math.ceil(self.plan.steps * _OPENING)

    @torch.no_grad()
    def _first_weights(self) -> dict[str, float]:
        """λ to open with, from the losses of the network as it is: they say little of what training makes of them."""
        network = copy.deepcopy(self.network).train()  # a copy: batch statistics move
        sums: dict[LabelKey, float] = {}
        batches = enumerate(self.steps[number] for number in range(_MEASURED_BATCHES))
        for _ in range(_MEASURED_BATCHES):
            batch = self._prepared(*by_all(self.fabric, lambda: next(batches)))
            with dividing(self.fabric):
                terms = loss_terms(network(batch.image, batch.n_source), batch, self.data.tasks)
            for key, term in terms.items():
                sums[key] = sums.get(key, 0.0) + float(term)
        return balancing_weights(sums, self.data.tasks, self.data.main)

    def _fix_weights(self) -> None:
        """λ for the rest of the phase, and those that follow: from the losses of the opening, as training left them."""
        sums, self.at.opening_sums = self.at.opening_sums, {}
        losses = {key: sums[_name(key)] for key in self._terms if _name(key) in sums}
        self.at.weights = balancing_weights(losses, self.data.tasks, self.data.main)

    @property
    def _terms(self) -> list[LabelKey]:
        return [(domain, name) for domain, images in self.data.train.items() for name in images.tasks]

    def _book(self, pending: list[dict[str, Tensor]]) -> None:
        """Books the last steps; the only place where the loop waits for the device."""
        self.at.book(pending, opening=self.at.step <= self._opening_steps)
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
            self.fabric, lambda: validation_losses(network, self.data, self.settings.batch_size, self.on_device)
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


def _name(key: LabelKey) -> str:
    return f"loss_{key[0]}_{key[1]}"
