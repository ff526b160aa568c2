"""The commands `headfreeze data …`. What they need is imported when they run: `--help` does not wait for it."""

from pathlib import Path

from jsonargparse import Namespace

from headfreeze.arguments import Arguments
from headfreeze.command import Command
from headfreeze.errors import InputError


def _check_arguments(arguments: Arguments) -> None:
    arguments.add("roots", list[Path], "datasets in the folder format")
    arguments.add("--out", Path | None, "gets index.html and contact sheets; without it nothing is written", None)
    arguments.add("--sample", int, "open only so many images of each split, at equal distances; 0 means all", 0)


def _data_check(values: Namespace) -> None:
    from headfreeze.data.check import check_datasets

    faults = check_datasets(values.roots, values.out, values.sample)
    if faults:
        raise InputError(f"faults in the data: {faults}, listed above; mend them and check again")


def _convert_arguments(arguments: Arguments) -> None:
    from headfreeze.data.formats import READERS

    arguments.add("format", str, f"of the data set: {', '.join(READERS)}")
    arguments.add("source", Path, "what was downloaded, unpacked")
    arguments.add("out", Path, "gets the data set in the folder format; must not exist yet")
    arguments.add_list("--settings", str, "settings of the format's own, NAME=VALUE; docs/convert.md lists them", ())
    shares = "shares of train, val and test, by scene or subject, such as 0.7,0.15,0.15; default: the official splits"
    arguments.add_list("--splits", str, shares, ())
    arguments.add("--seed", int, "of these splits", 0)
    arguments.add("--limit", int, "at most so many images, from all scenes in turn; 0 means all", 0)
    arguments.add_list("--tasks", str, "only labels of these; default: all", ())
    arguments.add("--classes", str, "other classes of a segmentation task: a YAML file, or nyu13", "")
    arguments.add("--workers", int, "threads that decode and encode; 0 means one for each core", 0)
    arguments.add("--skip_bad", bool, "go on without images that cannot be read, and list them", False)
    arguments.add("--packed", bool, "tar shards (WebDataset) instead of files", False)


def _convert(values: Namespace) -> None:
    from headfreeze.data.convert import Choice, convert
    from headfreeze.data.convert.splits import parse_fractions

    splits = parse_fractions(values.splits) if values.splits else ()
    found = convert(
        values.format,
        values.source,
        values.out,
        settings=_pairs(values.settings),
        choice=Choice(splits, values.seed, values.limit, values.tasks, values.classes),
        workers=values.workers,
        skip_bad=values.skip_bad,
        packed=values.packed,
    )
    for line in found.skipped:
        print(f"left out: {line}")
    counts = ", ".join(f"{count} {split}" for split, count in found.counts.items())
    next_ = "data check" if (values.out / "dataset.yaml").exists() else "annotate edges"
    left = f"; {len(found.skipped)} were left out, listed in {values.out}/skipped.txt" if found.skipped else ""
    if found.unsplit:
        print(
            f"{values.source}: no split is known of {found.unsplit} images (is its list of splits there?), so they are"
            " in train; --splits 0.7,0.15,0.15 divides them by scene"
        )
    print(f"{values.out}: {counts} images{left}; next: headfreeze {next_} {values.out}")


def _pairs(words: list[str]) -> dict[str, str]:
    """NAME=VALUE words as a mapping."""
    for word in words:
        if "=" not in word:
            raise InputError(f"settings holds '{word}'; give NAME=VALUE, separated by commas")
    return dict(word.split("=", 1) for word in words)


def _verify_arguments(arguments: Arguments) -> None:
    arguments.add("root", Path, "what `headfreeze data convert` wrote")


def _verify(values: Namespace) -> None:
    from headfreeze.data.convert import verify

    faults = verify(values.root)
    if faults:
        print("\n".join(faults))
        raise InputError(f"{values.root}: {len(faults)} files are not as they were converted, listed above")
    print(f"{values.root}: every file is as it was converted")


DATA: dict[str, Command] = {
    "data check": Command(
        "say what a dataset holds and what is wrong with it",
        "headfreeze data check rooms/source",
        _check_arguments,
        _data_check,
    ),
    "data convert": Command(
        "turn a published data set into the folder format",
        "headfreeze data convert nyuv2 downloads/nyuv2 nyuv2",
        _convert_arguments,
        _convert,
    ),
    "data verify": Command(
        "say what has changed in a converted data set since",
        "headfreeze data verify nyuv2",
        _verify_arguments,
        _verify,
    ),
}
