"""When does freezing the head pay? A factorial study on rendered rooms.

    python benchmarks/freezing.py OUT
    python benchmarks/freezing.py OUT --networks lite0,lite0-pretrained --size 64 --device cuda --workers 15

Six things are varied at once, in 16 of their 64 combinations, so chosen that the effect of none is mixed up with that
of another, nor with what two do together (a fractional factorial design of resolution IV): the budget, the first
phase's share of it, whether the target's cameras are held as the source's, how many target images there are,
photometric augmentation, and where the network is frozen. In each combination baseline, mtl-both, mtl-finetune and
headfreeze are trained, each seed of each network. OUT gets the rooms, the phases, runs.csv (an error a row) and
effects.md: by how much each of the six changes what headfreeze gains on the others. Called again, it goes on where it
stopped.
"""

import argparse
import csv
import itertools
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

FACTORS: dict[str, tuple[str, str]] = {
    "budget": ("small", "large"),
    "share": ("first phase a quarter", "three quarters"),
    "cameras": ("equal", "different"),
    "target": ("150 target images", "1500"),
    "augment": ("geometric", "photometric"),
    "freeze": ("after up2", "after up3"),
}
SIGNS = np.array([(a, b, c, d, a * b * c, b * c * d) for a, b, c, d in itertools.product((-1, 1), repeat=4)])
"""A row for each combination; −1 is the first value of a factor."""
DEPENDS = {
    "baseline": ("budget", "cameras", "augment"),
    "mtl-both": ("budget", "cameras", "augment", "target"),
    "mtl-finetune": ("budget", "cameras", "augment", "target", "share"),
    "headfreeze": tuple(FACTORS),
}
"""What matters to each recipe: combinations that agree in it share its run."""
NETWORKS = {
    "tiny": ("tiny", False),
    "lite0": ("tf_efficientnet_lite0", False),
    "lite0-pretrained": ("tf_efficientnet_lite0", True),
}
FEW, MANY = 150, 1500
ERROR = "mean_error_deg"
RIVALS = ("mtl-finetune", "mtl-both", "baseline")


@dataclass(frozen=True)
class Job:
    """One run: a recipe with the levels (−1, 1) that matter to it."""

    network: str
    seed: int
    recipe: str
    levels: tuple[tuple[str, int], ...]

    @property
    def name(self) -> str:
        levels = "-".join(f"{factor}{'+' if level > 0 else '-'}" for factor, level in self.levels)
        return f"{self.network}-seed{self.seed}-{self.recipe}-{levels}"


def job_of(network: str, seed: int, recipe: str, signs: Sequence[int]) -> Job:
    levels = dict(zip(FACTORS, map(int, signs), strict=True))
    return Job(network, seed, recipe, tuple((factor, levels[factor]) for factor in DEPENDS[recipe]))


def make_rooms(out: Path, size: int) -> None:
    """OUT/equal and OUT/different, and beside each target one with few training images (links)."""
    from headfreeze.progress import counting
    from headfreeze.synth.rooms import write_rooms

    for poses in ("equal", "different"):
        root = out / poses
        if not root.exists():
            with counting(f"rendering rooms, {poses} cameras") as report:
                write_rooms(root, source=MANY, target=MANY, size=size, poses=poses, progress=report)
        few = root / "target-few"
        for file in (root / "target").glob("*/*/*"):
            split, _, name = file.relative_to(root / "target").parts
            if split != "train" or int(Path(name).stem) < FEW:
                there = few / file.relative_to(root / "target")
                there.parent.mkdir(parents=True, exist_ok=True)
                if not there.exists():
                    there.symlink_to(file.resolve())
        (few / "dataset.yaml").write_text((root / "target/dataset.yaml").read_text())


def trained(job: Job, out: Path, size: int, steps: tuple[int, int], device: str) -> float:
    """The mean error in degrees on the target's test images, whose labels are opened here alone."""
    import torch

    from headfreeze.evaluation.evaluate import evaluate
    from headfreeze.settings import Architecture, Pair, Training
    from headfreeze.training.fit import fit

    torch.set_num_threads(1)
    high = {factor: level > 0 for factor, level in job.levels}
    root = out / ("different" if high["cameras"] else "equal")
    backbone, pretrained = NETWORKS[job.network]
    pair = Pair(
        root / "source",
        root / ("target-few" if not high.get("target", True) else "target"),
        "normals",
        "segmentation",
        size=size,
        augment="photometric" if high["augment"] else "geometric",
    )
    training = Training(
        steps=steps[high["budget"]],
        batch_size=16,
        phase_share=0.75 if high.get("share") else 0.25,
        freeze_after="up3" if high.get("freeze") else "up2",
        seed=job.seed,
        workers=0,
        device=device,
    )
    run = out / "runs" / job.name
    fit(
        job.recipe,
        pair,
        run,
        architecture=Architecture(backbone, pretrained),
        training=training,
        phases=out / "phases",
    )
    return evaluate(run, root / "target", device=device).metrics["normals"]["mean"]


def in_turn(recipes: Sequence[str], networks: Sequence[str], seeds: Sequence[int]) -> Iterator[Job]:
    """Every run once. Runs that share a phase are far apart, so that none waits for the other to train it."""
    apart = sorted(SIGNS.tolist(), key=lambda signs: signs[list(FACTORS).index("target")])
    every = [
        job_of(network, seed, recipe, signs)
        for network in networks
        for seed in seeds
        for recipe in recipes
        for signs in apart
    ]
    return iter(dict.fromkeys(every))


def errors_of(rows: dict[str, float], network: str, seeds: Sequence[int]) -> dict[str, np.ndarray]:
    """Mean errors (16, seeds) by recipe; a combination's seeds that are missing are NaN."""
    return {
        recipe: np.array(
            [[rows.get(job_of(network, seed, recipe, signs).name, np.nan) for seed in seeds] for signs in SIGNS]
        )
        for recipe in DEPENDS
    }


def effects(gained: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of differences (16, seeds): the mean, and what each factor's second value changes; half widths of 95 % intervals.

    Least squares with main effects alone; what they leave is taken for chance, so intervals hold for other seeds and
    for other combinations.
    """
    design = np.column_stack([np.ones(len(SIGNS)), SIGNS / 2])
    x, y = np.repeat(design, gained.shape[1], 0), gained.ravel()
    x, y = x[np.isfinite(y)], y[np.isfinite(y)]
    found, *_ = np.linalg.lstsq(x, y, rcond=None)
    freedom = len(y) - x.shape[1]
    variance = float(((y - x @ found) ** 2).sum()) / freedom
    half = stats.t.ppf(0.975, freedom) * np.sqrt(variance * np.diag(np.linalg.inv(x.T @ x)))
    return found, half


def known(table: Path) -> dict[str, float]:
    """What earlier calls have written to runs.csv: of other networks, seeds and recipes, too."""
    if not table.is_file():
        return {}
    with table.open(newline="") as f:
        return {row["run"]: float(row[ERROR]) for row in csv.DictReader(f)}


def report(rows: dict[str, float], networks: Sequence[str], seeds: Sequence[int], budgets: str) -> str:
    """What was found, as a page."""
    text = ["# When does freezing the head pay?", ""]
    text += [f"Degrees of the mean error, below zero: better. Budgets: {budgets} steps of 16 images.", ""]
    for network in networks:
        errors = errors_of(rows, network, seeds)
        errors = {recipe: values for recipe, values in errors.items() if np.isfinite(values).any()}
        rivals = [rival for rival in RIVALS if rival in errors]
        means = ", ".join(f"{recipe} {np.nanmean(values):.2f}" for recipe, values in errors.items())
        text += [f"## {network}, seeds {', '.join(map(str, seeds))}", "", f"Means over all combinations: {means}.", ""]
        text += ["| | " + " | ".join(f"headfreeze − {rival}" for rival in rivals) + " |"]
        text += ["| --- |" + " ---: |" * len(rivals)]
        found = [effects(errors["headfreeze"] - errors[rival]) for rival in rivals]
        names = ["mean over all", *(f"{name}: {low} → {high}" for name, (low, high) in FACTORS.items())]
        for number, name in enumerate(names):
            cells = (
                f"{e[number]:+.2f} ({e[number] - h[number]:+.2f} … {e[number] + h[number]:+.2f})" for e, h in found
            )
            text.append(f"| {name} | " + " | ".join(cells) + " |")
        text.append("")
    return "\n".join(text)


def main(argv: Sequence[str]) -> int:
    about, _, _ = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("out", type=Path)
    parser.add_argument("--recipes", default=",".join(DEPENDS), help="headfreeze and rivals of it (all four)")
    parser.add_argument("--networks", default="tiny", help=f"of {', '.join(NETWORKS)}, separated by commas (tiny)")
    parser.add_argument("--seeds", default="0", help="separated by commas (0)")
    parser.add_argument("--size", type=int, default=32, help="of the images, in pixels (32)")
    parser.add_argument("--steps", default="400,1600", help="the two budgets (400,1600)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (cpu)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="runs side by side (one a core)")
    own = parser.parse_args(argv)
    recipes, networks = own.recipes.split(","), own.networks.split(",")
    seeds = [int(seed) for seed in own.seeds.split(",")]
    few, many = (int(number) for number in own.steps.split(","))
    own.out.mkdir(parents=True, exist_ok=True)
    make_rooms(own.out, own.size)
    os.environ["OMP_NUM_THREADS"] = "1"
    rows = known(own.out / "runs.csv")
    with ProcessPoolExecutor(own.workers, multiprocessing.get_context("spawn")) as pool:
        jobs = {
            pool.submit(trained, job, own.out, own.size, (few, many), own.device): job
            for job in in_turn(recipes, networks, seeds)
        }
        for done, ended in enumerate(as_completed(jobs), 1):
            name = jobs[ended].name
            rows[name] = ended.result()
            with (own.out / "runs.csv").open("w", newline="") as f:
                csv.writer(f).writerows([("run", ERROR), *sorted(rows.items())])
            print(f"{done}/{len(jobs)} {name}: {rows[name]:.2f}", flush=True)
    asked = {job.name: rows[job.name] for job in jobs.values()}  # others may have had other budgets
    (own.out / "effects.md").write_text(report(asked, networks, seeds, own.steps))
    print((own.out / "effects.md").read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
