"""What a report needs of trained networks: pictures and features, kept in DIR/figures, so that they load but once.

Scores of snapshots are kept with them, as those of runs are.
"""

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from headfreeze.comparison.choice import chosen
from headfreeze.comparison.features import PlacedFeatures, features_of, places, placing
from headfreeze.comparison.report.contents import Contents, EvaluatedRun
from headfreeze.comparison.shown import Shown, ShownRun, shown
from headfreeze.data.folder import Dataset, open_dataset
from headfreeze.errors import InputError
from headfreeze.files import write_with
from headfreeze.recipes import Domain
from headfreeze.roles import as_tuple
from headfreeze.run import Run
from headfreeze.selection.snapshots import LastPhase, read_last_phase
from headfreeze.settings import Architecture, Training
from headfreeze.tasks.base import Task

_FORMAT = 1


class Measured:
    """Pictures and features of a comparison's networks.

    Args:
        contents: the comparison.
        cache: a folder to keep them in.
    """

    def __init__(self, contents: Contents, cache: Path) -> None:
        self._contents, self._cache = contents, cache
        self._first = {name: contents.of(name)[0] for name in contents.recipes}
        self._loaded: dict[str, Run] = {}
        self.missing: list[str] = []
        """Why something is not there, a line each."""

    @cached_property
    def _datasets(self) -> dict[Domain, Dataset]:
        pair = self._contents.card.settings["pair"]
        return {"source": open_dataset(Path(pair["source"])), "target": open_dataset(Path(pair["target"]))}

    def pictures(self) -> list[Shown]:
        """The images that the rule chooses, by every recipe's first seed; none where the data is gone."""
        contents = self._contents
        runs = {
            name: ShownRun(run.folder, run.card, lambda name=name: self._run(name))  # type: ignore[misc]
            for name, run in self._first.items()
        }
        try:
            target, task = self._datasets["target"], contents.results.task
            return shown(chosen(contents.results), runs, target, task, contents.card.inside, self._cache / "shown")
        except InputError as error:
            self.missing.append(f"No pictures: {error}")
            return []

    def features(self) -> dict[str, PlacedFeatures]:
        """Features of every recipe's first seed at the anchor's places; none where it names no places."""
        paths = {name: self._cache / "features" / f"{_key(run)}.npz" for name, run in self._first.items()}
        found = {}
        try:
            if not places(self._anchor):
                return {}
            for name, path in paths.items():
                features = _read(path) or self._measured(name, path)
                if features:
                    found[name] = features
        except InputError as error:
            self.missing.append(f"No features: {error}")
        for path in (self._cache / "features").glob("*.npz"):
            if path not in paths.values():
                path.unlink(missing_ok=True)
        return found

    def last_phases(self) -> list[LastPhase]:
        """Of the runs within which `headfreeze select` has chosen; without errors where the data is gone."""
        contents = self._contents
        found = [each for run in contents.runs if (each := read_last_phase(run.folder))]
        try:
            return [each.judged(self._device, contents.card.inside) for each in found]
        except InputError as error:
            self.missing.append(f"No scores of snapshots: {error}")
            return found

    @property
    def _anchor(self) -> Task:
        names = as_tuple(self._contents.card.settings["pair"]["anchor"])
        return placing([self._datasets["source"].task(name) for name in names])

    def _measured(self, name: str, path: Path) -> PlacedFeatures | None:
        settings = self._contents.card.settings
        stage = Training(**settings["training"]).freeze_point(Architecture(**settings["architecture"]))
        found = features_of({name: self._run(name)}, self._datasets, self._anchor.name, stage).get(name)
        if found:
            names = json.dumps({str(place): of for place, of in found.names.items()})
            values: dict[str, Any] = {
                "values": found.values,
                "place": found.place,
                "domain": found.domain,
                "names": np.array(names),
            }
            write_with(path, lambda p: np.savez(p, **values))
        return found

    def _run(self, name: str) -> Run:
        """The network of a recipe's first seed."""
        if name not in self._loaded:
            self._loaded[name] = Run(self._first[name].folder, self._device)
        return self._loaded[name]

    @property
    def _device(self) -> str:
        wanted = self._contents.card.settings["training"]["device"]  # another machine's, perhaps
        return "cpu" if wanted == "cpu" else "auto"


def _key(run: EvaluatedRun) -> str:
    settings = run.card.settings
    spec = [_FORMAT, run.folder.name, run.card.phases[-1]["key"], settings["pair"], settings["architecture"]]
    return hashlib.blake2b(json.dumps(spec, sort_keys=True).encode(), digest_size=12).hexdigest()


def _read(path: Path) -> PlacedFeatures | None:
    try:
        with np.load(path, allow_pickle=False) as values:
            names = {int(place): name for place, name in json.loads(str(values["names"])).items()}
            return PlacedFeatures(values["values"], values["place"], values["domain"], names)
    except (OSError, ValueError, KeyError, BadZipFile):
        return None  # not there, or damaged: it is measured again
