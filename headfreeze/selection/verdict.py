"""Does the anchor help? What can be said of it without a label of the main task on the target."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from headfreeze.selection.names import MEASURING
from headfreeze.selection.ranking import Values
from headfreeze.selection.runs import TrainedRun
from headfreeze.selection.select import read_selection

Effect = Literal["helps", "hurts", "unclear"]
WITNESSES = MEASURING
"""What has a vote. Not the consistencies: networks of two tasks were nearly always more consistent, helped or hurt."""
_NEEDED = 2
_OF_THE_ANCHOR = (
    "anchor_weight",
    "phase_share",
    "phase_end",
    "freeze_after",
    "workers",
    "device",
    "devices",
    "cache_gb",
    "checkpoint_every",
    "tensorboard",
    "snapshots",
)
"""Settings that a run without the anchor does not have, and those that change nothing."""


@dataclass(frozen=True)
class Evidence:
    """One recipe that uses the anchor, against those without one.

    Attributes:
        recipe: its name.
        pairs: how many of its runs have one without the anchor beside them, of the same settings and seed.
        helps: the witnesses by which it is better in every pair.
        hurts: those by which it is worse in every pair.
    """

    recipe: str
    pairs: int
    helps: Sequence[str]
    hurts: Sequence[str]

    @property
    def effect(self) -> Effect:
        """What two witnesses say that no other one denies."""
        if len(self.helps) >= _NEEDED and not self.hurts:
            return "helps"
        return "hurts" if len(self.hurts) >= _NEEDED and not self.helps else "unclear"


def evidence(runs: Sequence[TrainedRun], values: Values) -> list[Evidence]:
    """What there is of every recipe that uses the anchor and can be compared with one that does not."""
    plain = {_settings(run): value for run, value in zip(runs, values, strict=True) if _is_plain(run)}
    pairs: dict[str, list[tuple[Mapping[str, float], Mapping[str, float]]]] = {}
    for run, value in zip(runs, values, strict=True):
        if run.uses_anchor and _settings(run) in plain:
            pairs.setdefault(run.recipe, []).append((value, plain[_settings(run)]))
    return [_evidence(recipe, each) for recipe, each in pairs.items()]


def verdict(runs: Sequence[TrainedRun], values: Values) -> str:
    """A sentence or two for people."""
    found = evidence(runs, values)
    if not found:
        if any(run.uses_anchor for run in runs):
            wanted = " and ".join(sorted({run.without_anchor for run in runs if run.uses_anchor}))
            return (
                "Whether the anchor helps cannot be told: there is no run that lacks it alone, at the same settings;"
                f" train {wanted} beside these."
            )
        return ""
    by: dict[Effect, list[str]] = {"helps": [], "hurts": [], "unclear": []}
    for each in found:
        by[each.effect].append(each.recipe)
    parts = [f"the anchor {effect} in {', '.join(by[effect])}" for effect in ("helps", "hurts") if by[effect]]
    if by["unclear"]:
        parts.append(f"nothing can be told of {', '.join(by['unclear'])}")
    said = [each.pairs for each in found if each.effect != "unclear"]
    few = " Where it is one pair of runs, that may be chance." if said and min(said) == 1 else ""
    return f"Without labels, the evidence against runs that do not use it: {'; '.join(parts)}.{few}"


def alike_without_anchor(run: TrainedRun, others: Sequence[TrainedRun]) -> list[TrainedRun]:
    """Those that had the settings, the seed and the parts of a run, and no anchor."""
    return [other for other in others if _is_plain(other) and _settings(other) == _settings(run)]


def said_without_labels(folder: Path) -> str:
    """What the choice that `select` has written to `folder` says of run and anchor; empty where there is none."""
    found = read_selection(folder)
    if found is None:
        return ""
    best = f"Chosen without labels, by {found.validator}: {found.best.recipe}, seed {found.best.seed}."
    return f"{best} {verdict(found.runs, found.values)}".strip()


def _evidence(recipe: str, pairs: Sequence[tuple[Mapping[str, float], Mapping[str, float]]]) -> Evidence:
    there = [name for name in WITNESSES if all(name in with_ and name in without for with_, without in pairs)]
    changes = {name: [with_[name] - without[name] for with_, without in pairs] for name in there}
    return Evidence(
        recipe,
        len(pairs),
        [name for name in there if max(changes[name]) < 0],
        [name for name in there if min(changes[name]) > 0],
    )


def _is_plain(run: TrainedRun) -> bool:
    return not run.uses_anchor and run.card.adversary is None


def _settings(run: TrainedRun) -> str:
    """All that two runs must share to be compared: what belongs to anchor and adversary aside."""
    settings: dict[str, Any] = run.card.settings
    training = {name: value for name, value in settings["training"].items() if name not in _OF_THE_ANCHOR}
    return json.dumps([settings["pair"], settings["architecture"], training, sorted(run.free_parts)], sort_keys=True)
