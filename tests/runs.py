"""Tiny trainings for the tests: their settings, what came out of them, and an interruption at a chosen step."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from headfreeze.progress import Report
from headfreeze.run import RunCard
from headfreeze.settings import Adversarial, Architecture, Pair, Settings, Training
from headfreeze.training import fit as fitting
from headfreeze.training.fit import fit
from headfreeze.training.session import Session
from headfreeze.training.store import PhaseFolder
from tests.worlds import TinyPair

TINY = Architecture("tiny", width=8)


def pair_of(tiny: TinyPair, **settings: Any) -> Pair:
    """The tiny pair's settings: normals with segmentation as anchor, at 32 px."""
    return Pair(tiny.source, tiny.target, **{"main": "normals", "anchor": "segmentation", "size": 32} | settings)


def training_of(**settings: Any) -> Training:
    """Six steps of four images of each domain; two phases take half of them each."""
    usual = {"steps": 6, "batch_size": 4, "workers": 0, "device": "cpu", "phase_share": 0.5}
    return Training(**usual | settings)


def settings_of(tiny: TinyPair, pair: dict[str, Any] | None = None, **training: Any) -> Settings:
    return Settings(pair_of(tiny, **pair or {}), TINY, training_of(**training))


def session_of(tiny: TinyPair, store: Path, **training: Any) -> Session:
    return Session(settings_of(tiny, **training), store)


def fit_tiny(
    recipe: str,
    tiny: TinyPair,
    out: Path,
    architecture: Architecture = TINY,
    phases: Path | None = None,
    adversarial: Adversarial | None = None,
    **training: Any,
) -> RunCard:
    """Trains a recipe on the tiny pair; its store is OUT's own unless `phases` says where."""
    store = phases or out.with_name(f"{out.name}-phases")
    return fit(
        recipe,
        pair_of(tiny),
        out,
        architecture=architecture,
        training=training_of(**training),
        adversarial=adversarial,
        phases=store,
    )


def weights_of(run: Path) -> dict[str, Tensor]:
    return load_file(run / "weights.safetensors")


def same_bits(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Whether two networks are the same to the bit (NaN equals NaN, −0 is not 0)."""
    return one.keys() == other.keys() and all(
        value.dtype == other[name].dtype and _bytes(value) == _bytes(other[name]) for name, value in one.items()
    )


def phase_records(store: Path) -> dict[str, dict[str, Any]]:
    """By key, what each finished phase of a store says of itself, its speed aside: result, history, weights."""
    records = {}
    for path in sorted(store.glob("*/result.json")):
        result = json.loads(path.read_text())
        del result["images_per_second"]
        files = {
            name: (path.parent / name).read_bytes() for name in ("phase.json", "metrics.csv", "weights.safetensors")
        }
        records[path.parent.name] = {"result": result, **files}
    return records


class KilledError(Exception):
    """Stands for a kill in the middle of a phase."""


@dataclass
class Watch:
    """The steps that were trained, by phase, since the watch began."""

    steps: dict[str, list[int]] = field(default_factory=dict)

    @property
    def trained(self) -> list[str]:
        """What was trained, such as 'headfreeze seed 0 phase 1/2', in order."""
        return list(self.steps)


@contextmanager
def watched(
    monkeypatch: pytest.MonkeyPatch, phase: int = 0, saved_at: int | None = None, dies_at: int | None = None
) -> Iterator[Watch]:
    """Notes every trained step; in phase number `phase`, saves a checkpoint at one step only and dies at another."""
    watch = Watch()
    save_state = PhaseFolder.save_state

    def save_once(self: PhaseFolder, state: Any, history: Any) -> None:
        if saved_at is None or state["at"]["step"] == saved_at:
            save_state(self, state, history)

    @contextmanager
    def progress(what: str, total: int, done: int = 0) -> Iterator[Report]:
        def report(count: int, text: str) -> None:
            watch.steps.setdefault(what, []).append(count)
            if f"phase {phase}/" in what and count == dies_at:
                raise KilledError(what)

        yield report

    with monkeypatch.context() as patch:
        patch.setattr(PhaseFolder, "save_state", save_once)
        patch.setattr(fitting, "progress", progress)
        yield watch


def _bytes(value: Tensor) -> bytes:
    return value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
