"""A recipe on a pair: its phases one after the other, through the store; what comes out is a run."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from headfreeze.adversaries.build import build_adversary
from headfreeze.errors import InputError, raise_all
from headfreeze.files import check_folder, new_folder
from headfreeze.models.own import AnyNetwork
from headfreeze.models.transfer import TransferNetwork
from headfreeze.progress import Report, progress, silent
from headfreeze.recipes import DOMAINS, Phase, Recipe, Supervision, find_recipe
from headfreeze.run import RunCard, as_written, branches_of, build_network, reading_of
from headfreeze.settings import Adversarial, Architecture, Pair, Settings, Training
from headfreeze.training.news import News
from headfreeze.training.opponent import Opponent
from headfreeze.training.parts.build import build_parts
from headfreeze.training.phase import PhaseTraining
from headfreeze.training.plan import PhaseData, PhasePlan
from headfreeze.training.processes import by_first
from headfreeze.training.repeatable import repeatable
from headfreeze.training.session import Session
from headfreeze.training.snapshots import steps_before_the_end, write_snapshots
from headfreeze.training.store import PhaseFolder

KEY_FORMAT = 7
"""Part of every phase's key: raise it when a change of the code changes trained weights."""

_SEEN_IN_IMAGES = ("size", "resize", "augment", "zoom", "rotate_deg", "source_pitch_deg", "fov_deg")
_SEEN_BY_WEIGHTS = (
    "batch_size", "optimizer", "weight_decay", "schedule", "clip", "accumulate", "ema", "precision", "anchor_weight",
)  # fmt: skip


def fit(
    recipe: str | Recipe,
    pair: Pair,
    out: Path | str,
    *,
    architecture: Architecture | None = None,
    training: Training | None = None,
    adversarial: Adversarial | None = None,
    phases: Path | str | None = None,
) -> RunCard:
    """Trains a recipe on a pair and writes the run to `out`.

    Args:
        recipe: a name in RECIPES, with any of PARTS behind it (mtl-both+teacher), or a recipe of one's own.
        pair: the two datasets and their tasks.
        out: folder of the run: run.json, weights.safetensors, metrics.csv. An interrupted call is taken up again.
        architecture: the network.
        training: budget, batches, optimizer, seed, device.
        adversarial: the adversary of recipes that have one.
        phases: store of trained phases, shared by all runs that name it: a folder, or a URL such as s3://bucket/phases;
            default: `phases` beside `out`.

    Raises:
        InputError: a setting or the data is wrong; the message lists everything that was found.
    """
    out = Path(out)
    settings = Settings.of(pair, architecture, training, adversarial)
    session = Session(settings, phases or out.parent / "phases")
    raise_all(session.problems([recipe]))
    return fit_recipe(session, find_recipe(recipe) if isinstance(recipe, str) else recipe, out)


def fit_recipe(session: Session, recipe: Recipe, out: Path, seed: int | None = None) -> RunCard:
    """Trains a recipe, or takes it from the store, and writes the run; the seed is the settings' unless it is given."""
    seed = session.settings.training.seed if seed is None else seed
    if there := written_run(session, recipe, out, seed):
        return there
    training = RecipeTraining(session, session.effective(recipe), seed, out)
    card, last = training.run()
    return by_first(session.fabric, lambda: _write(card, last, training))


def written_run(session: Session, recipe: Recipe, out: Path, seed: int) -> RunCard | None:
    """The run at `out`; None where nothing is there yet. Trains nothing.

    Raises:
        InputError: something else lies there, or a run of other settings or data.
    """
    there = by_first(session.fabric, lambda: _written(out))
    if there:  # the same run, phase by phase
        RecipeTraining(session, session.effective(recipe), seed, out, there).run()
    return there


@dataclass(frozen=True)
class PlannedPhase:
    """A phase in its place in a recipe: how many steps it has at most, and what it continues from.

    `span`: where it begins and ends in the learning rate's schedule, 0 … 1.
    """

    phase: Phase
    number: int
    steps: int
    parent: PhaseFolder | None
    until_plateau: bool
    span: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class RecipeTraining:
    """One recipe with one seed, for a run at `out`, where `written` lies already or nothing does."""

    session: Session
    recipe: Recipe
    seed: int
    out: Path
    written: RunCard | None = None

    def card(self, phases: Sequence[dict[str, Any]] = ()) -> RunCard:
        """What run.json will say."""
        settings = self.session.settings.as_dict()
        settings["training"]["seed"] = self.seed
        roles = self.session.inputs.pair.roles
        trained = {task.name for _, role in self.recipe.supervision for task in roles[role]}
        return RunCard(
            recipe=self.recipe.name,
            settings=settings,
            tasks=as_written(roles),
            trained=sorted(trained),
            phases=list(phases),
            parts=sorted(self.recipe.parts),
            branched=self.recipe.branched,
        )

    def run(self) -> tuple[RunCard, PhaseFolder]:
        """Trains the phases that the store does not hold yet; gives the run's card and the last phase's folder."""
        done: list[dict[str, Any]] = []
        for planned, folder in self.places():
            found = self._same(planned.number, folder.key) if self.written else self._trained(planned, folder)
            done.append({"key": folder.key, **found})
        return self.card(done), folder

    def train(self, number: int) -> None:
        """Trains one phase, counted from 0, unless the store holds it; those before it are finished."""
        self._trained(*self.place(number))

    def place(self, number: int) -> tuple[PlannedPhase, PhaseFolder]:
        """A phase, counted from 0, in its place. Where phases end at a plateau, those before it must be finished."""
        return next(islice(self.places(), number, None))

    def places(self) -> Iterator[tuple[PlannedPhase, PhaseFolder]]:
        """The phases in their places; a plateau must have been found before the phase that follows is asked for."""
        training, last = self.session.settings.training, len(self.recipe.phases) - 1
        budget = self.recipe.budget(training.steps, training.phase_share)
        plateaus = training.phase_end == "plateau"
        before, folder = 0, None
        for number, phase in enumerate(self.recipe.phases):
            # the last phase gets what those before it left over
            steps = budget[number] if number < last else training.steps - before
            planned = PlannedPhase(phase, number, steps, folder, until_plateau=plateaus and number < last)
            # nobody knows where a plateau will come, and a branch that is frozen afterwards needs a schedule of its own
            if not plateaus and not phase.branch:
                planned = replace(planned, span=(before / training.steps, (before + steps) / training.steps))
            folder = self.session.store.folder(self.spec(planned))
            yield planned, folder
            before += self._taken(planned, folder)

    def _taken(self, planned: PlannedPhase, folder: PhaseFolder) -> int:
        """How many steps a phase has taken, or will."""
        if not planned.until_plateau:
            return planned.steps
        return int((self.written.phases[planned.number] if self.written else folder.result())["steps"])

    def _same(self, number: int, key: str) -> dict[str, Any]:
        """The phase as the run at `out` has it, which must have this key: equal keys mean equal weights."""
        written = self.written
        assert written is not None
        there = written.phases[number] if number < len(written.phases) else {}
        if written.recipe != self.recipe.name or there.get("key") != key:
            raise InputError(
                f"{self.out}: holds another run ({written.recipe}, other settings or data); choose another --out"
            )
        return there

    def spec(self, planned: PlannedPhase) -> dict[str, Any]:
        """All that determines the weights of a phase, and nothing else: the store's key is made from it."""
        settings, phase = self.session.settings, planned.phase
        plain = settings.as_dict()
        spec = {
            "format": KEY_FORMAT,
            "data": self._fingerprints(phase, "train", phase.measured),
            "tasks": self.card().tasks,
            "supervision": sorted(" ".join(pair) for pair in phase.supervision),
            "images": {name: plain["pair"][name] for name in _SEEN_IN_IMAGES},
            "architecture": plain["architecture"],
            "training": {name: plain["training"][name] for name in _SEEN_BY_WEIGHTS},
            "rate": settings.training.learning_rate(settings.architecture),
            "steps": planned.steps,
            "span": planned.span,
            "number": planned.number,
            "seed": self.seed,
        }
        if own := self.session.own_network:
            spec["network"] = own
        if phase.freeze_head:
            spec["freeze_after"] = settings.training.freeze_point(settings.architecture)
        if phase.adversary:
            spec["adversary"] = plain["adversarial"]
        if phase.branch:
            spec["branch"] = phase.branch
        if phase.parts:
            spec["parts"] = sorted(phase.parts)
        if snapshots := self._snapshots(planned):
            spec["snapshots"] = snapshots  # they change no weight: a phase that was trained without lacks their files
        if planned.parent:
            spec["parent"] = planned.parent.key
        if planned.until_plateau:
            spec["plateau"] = {"every": settings.training.validate_every, "data": self._fingerprints(phase, "val")}
        return spec

    def _snapshots(self, planned: PlannedPhase) -> tuple[int, ...]:
        """After which steps of a phase, before its last one, the network is kept."""
        if planned.number < len(self.recipe.phases) - 1:
            return ()
        return steps_before_the_end(planned.steps, self.session.settings.training.snapshots)

    def _fingerprints(self, phase: Phase, split: str, measured: Supervision = frozenset()) -> dict[str, str]:
        """Of each domain that the phase's steps use, or that is measured before them."""
        inputs, also = self.session.inputs, {domain for domain, _ in measured}
        seen = phase.supervision | measured
        return {d: inputs.fingerprint(d, split, seen) for d in DOMAINS if phase.uses(d) or d in also}

    def _trained(self, planned: PlannedPhase, folder: PhaseFolder) -> dict[str, Any]:
        fabric = self.session.fabric
        if by_first(fabric, lambda: folder.finished):
            return folder.result()
        self.session.check(self.recipe)
        training = self.phase_training(planned, folder)  # its faults show before anything is written
        with self.session.store.lock(folder, fabric):
            if by_first(fabric, lambda: folder.finished):  # meanwhile, by another command
                return folder.result()
            by_first(fabric, folder.fetch_state)
            what = f"{self.recipe.name} seed {self.seed} phase {planned.number + 1}/{len(self.recipe.phases)}"
            shown = progress(what, planned.steps) if fabric.is_global_zero else nullcontext(silent)
            with shown as report, repeatable(fabric.device):
                return training.run(self._telling(report, planned, folder))

    def _telling(self, report: Report, planned: PlannedPhase, folder: PhaseFolder) -> Report:
        """The report, which also tells those who look into the phase's folder."""
        if not self.session.fabric.is_global_zero:
            return report
        settings = self.session.settings.training
        images = settings.batch_size * settings.accumulate * sum(planned.phase.uses(domain) for domain in DOMAINS)
        news = News(folder, images)

        def tell(step: int, line: str) -> None:
            report(step, line)
            news.report(step)
            self.session.told()

        return tell

    def phase_training(self, planned: PlannedPhase, folder: PhaseFolder) -> PhaseTraining:
        """One phase, ready to run: the network with its parent's weights, the data, the plan."""
        session, parent = self.session, planned.parent
        settings = session.settings
        data = session.inputs.phase_data(planned.phase)
        torch.manual_seed(self.seed)
        pretrained, size = None if parent is None else False, settings.pair.height_width
        roles = session.inputs.pair.roles
        reading = reading_of(self.recipe.parts, roles)
        branches = branches_of(roles) if self.recipe.branched else None
        network = build_network(settings.architecture, data.tasks, pretrained, size, reading, branches)
        if isinstance(network, TransferNetwork):
            network.branch = planned.phase.branch
        if parent:
            network.load_state_dict(parent.weights())
        plan = PhasePlan(
            steps=planned.steps,
            freeze_after=settings.training.freeze_point(settings.architecture) if planned.phase.freeze_head else None,
            seed=self.seed * 8 + planned.number,
            measuring_seed=self.seed * 8,
            rate=settings.training.learning_rate(settings.architecture),
            weights=parent.result()["weights"] if parent else None,
            until_plateau=planned.until_plateau,
            span=planned.span,
            forwarded=tuple(domain for domain in DOMAINS if planned.phase.forwards(domain)),
            branch=planned.phase.branch,
            snapshots=self._snapshots(planned),
        )
        opponent = self._opponent(planned.phase, network, data) if planned.phase.adversary else None
        parts = build_parts(planned.phase, plan, session.fabric, network, roles, data.augment)
        return PhaseTraining(session.fabric, network, plan, data, settings.training, folder, opponent, parts)

    def _opponent(self, phase: Phase, network: AnyNetwork, data: PhaseData) -> Opponent:
        session = self.session
        roles = session.inputs.pair.roles
        trained = {task.name: task for _, role in sorted(phase.supervision) for task in roles[role]}
        tiny = session.settings.architecture.backbone == "tiny"
        adversary = build_adversary(session.settings.adversarial, network, trained, data.mains, tiny)
        return Opponent(session.fabric, adversary, session.settings.adversarial.learning_rate, data)


def _write(card: RunCard, last: PhaseFolder, trained: RecipeTraining) -> RunCard:
    """Writes the run, unless it is there by now; gives the card of the one that is."""
    out = trained.out
    if meanwhile := _written(out):  # by another command; its phases are looked up, not trained
        replace(trained, written=meanwhile).run()
        return meanwhile
    with new_folder(out) as folder:  # all at once: killed in between, the next call finds no half of a run
        shutil.copyfile(last.weights_path, folder / "weights.safetensors")
        shutil.copyfile(last.history_path, folder / "metrics.csv")
        card.write(folder)
        write_snapshots(card, last, folder)
    return card


def _written(out: Path) -> RunCard | None:
    """The run at `out`; None where nothing is there yet."""
    check_folder(out)
    if (out / "run.json").is_file() and (out / "weights.safetensors").is_file():
        return RunCard.read(out)
    if out.name in ("", ".."):  # a run appears all at once, as a folder that was not there
        raise InputError(f"{out}: the folder that you are in, or one above it; give --out a name, such as runs/rooms")
    if out.is_dir() and any(out.iterdir()):
        raise InputError(f"{out}: not empty and not a run; choose another --out or empty it")
    return None
