"""The commands. Each unpacks its arguments, calls the Python function of its name, and prints what a user wants."""

import os
import sys
import traceback
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from jsonargparse import Namespace

from headfreeze.annotate.commands import ANNOTATE
from headfreeze.arguments import Arguments
from headfreeze.command import Command
from headfreeze.errors import ElsewhereError, InputError, raise_all, unknown
from headfreeze.imports import import_module_here
from headfreeze.inference.commands import EXPORT
from headfreeze.settings import Adversarial, Architecture, Compute, Pair, Settings, Training

_T = TypeVar("_T")


def main() -> None:
    """Entry point: exit 0, 1 for a failure, 2 for bad usage or bad input."""
    # Threads that spin while they wait starve each other as soon as anything else runs; threads that sleep at once wake
    # slowly. On two cores: by default 420 images/s alone and 60 beside another process; asleep at once 350 alone; after
    # 10,000 turns 420 alone and 140 beside another process. GNU's OpenMP reads this once, when torch is loaded.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    sys.exit(run(sys.argv[1:]))


def run(argv: list[str]) -> int:
    """Runs a command line; gives the exit status."""
    debug = "--debug" in argv
    argv = [word for word in argv if word != "--debug"]
    try:
        return _dispatch_once_said(_with_imports(argv))
    except InputError as error:
        _complain(str(error), debug)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the flush at exit is quiet
        return 1
    except Exception as error:
        _complain(f"{type(error).__name__}: {error}".rstrip(": "), debug, hint="; --debug shows where")
        return 1


def _with_imports(argv: list[str]) -> list[str]:
    """The command line without `--import MODULE`; each module is imported, to register what the user has written.

    Raises:
        InputError: there is no such module, or importing it fails.
    """
    kept: list[str] = []
    words = iter(argv)
    for word in words:
        flag, has_value, value = word.partition("=")
        if flag != "--import":
            kept.append(word)
            continue
        import_module_here(value if has_value else next(words, ""), "--import")
    return kept


def _complain(message: str, debug: bool, hint: str = "") -> None:
    if debug:
        traceback.print_exc()
    print(f"headfreeze: error: {' '.join(message.split())}{hint}", file=sys.stderr)


def _dispatch_once_said(argv: list[str]) -> int:
    """The first of several processes says what befalls all of them; the others end without a word."""
    try:
        return _dispatch(argv)
    except (InputError, ElsewhereError, FloatingPointError, KeyboardInterrupt):
        if _is_first():
            raise
        return 0


def _is_first() -> bool:
    """Whether this is the only process of its training, or the one among them that speaks."""
    distributed = sys.modules.get("torch.distributed")
    if distributed and distributed.is_initialized():
        return bool(distributed.get_rank() == 0)
    return os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")) == "0"  # set by torchrun and Fabric's launcher


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help"):
        print(_overview(COMMANDS))
        return 0
    if argv[0] == "--version":
        from headfreeze import __version__

        print(__version__)
        return 0
    for length in (2, 1):
        name = " ".join(argv[:length])
        if name in COMMANDS:
            return _run_command(name, COMMANDS[name], argv[length:])
    group = {name: command for name, command in COMMANDS.items() if name.startswith(f"{argv[0]} ")}
    if group and (len(argv) == 1 or argv[1] in ("-h", "--help")):
        print(_overview(group))
        return 0 if len(argv) > 1 else 2
    raise InputError(unknown("command", " ".join(argv[:2] if group else argv[:1]), COMMANDS))


def _run_command(name: str, command: Command, argv: list[str]) -> int:
    arguments = Arguments(f"headfreeze {name}", f"{command.about}\n\nexample: {command.example}")
    command.arguments(arguments)
    values, faults = arguments.parse(argv)
    if values is None:  # --help or --print_config has printed
        return 0
    if faults:
        raise_all(faults + command.problems(values))
    command.run(values)
    return 0


def _overview(commands: dict[str, Command]) -> str:
    width = max(map(len, commands))
    lines = [f"  headfreeze {name:<{width}}  {command.about}" for name, command in commands.items()]
    about = (
        "Synthetic labels, real photographs: adapt a dense-prediction network with an anchor task and a frozen head."
    )
    ending = (
        "`headfreeze COMMAND --help` explains one; --debug shows tracebacks; --import MODULE imports a module of your"
        " own first, such as one that registers a task."
    )
    return "\n".join([about, "", "commands:", *lines, "", ending])


def training_arguments(arguments: Arguments, own_workers: bool = False, own_anchor: bool = False) -> None:
    """Everything that says how to train, for commands and scripts that do.

    With `own_workers`, --workers is something else, and the processes that decode images are chosen; with `own_anchor`,
    the anchor comes from elsewhere.
    """
    arguments.add("--out", Path, "folder of what comes out")
    about = (
        "store of trained phases, shared by all commands that name it: a folder, or a URL such as s3://bucket/phases"
    )
    arguments.add("--phases", str | None, about, None)
    skipped = {Training: ("workers",) if own_workers else (), Pair: ("anchor",) if own_anchor else ()}
    for settings in (Pair, Architecture, Training, Adversarial):
        arguments.add_settings(settings, skip=skipped.get(settings, ()))


def settings_of(values: Namespace) -> Settings:
    """What `training_arguments` gave."""
    chosen = ("workers",) if "ray" in values else ()  # a comparison's workers are not those that decode images
    return Settings(
        _part(Pair, values), _part(Architecture, values), _part(Training, values, chosen), _part(Adversarial, values)
    )


def _how(values: Namespace) -> dict[str, Any]:
    """How to train, as `fit`, `compare` and `search` take it beside the pair."""
    settings = settings_of(values)
    return {
        "architecture": settings.architecture,
        "training": settings.training,
        "adversarial": settings.adversarial,
        "phases": values.phases,
    }


def _part(kind: type[_T], values: Namespace, chosen: tuple[str, ...] = ()) -> _T:
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # a dataclass
    return kind(**{name: values[name] for name in names if name not in chosen})


def _training_problems(values: Namespace) -> list[str]:
    from headfreeze.training.session import Session

    return Session(settings_of(values), Path()).problems([values.recipe])


def _comparison_problems(values: Namespace) -> list[str]:
    from headfreeze.training.session import Session

    settings = settings_of(values)
    return Session(settings, Path()).problems(values.recipes) + list(_part(Compute, values).problems(settings.training))


def _fit_arguments(arguments: Arguments) -> None:
    arguments.add("recipe", str, "what to train: a name that `headfreeze recipes` lists")
    training_arguments(arguments)


def _fit(values: Namespace) -> None:
    from headfreeze.selection.beside import said_beside
    from headfreeze.training.fit import fit

    card = fit(
        values.recipe,
        _part(Pair, values),
        values.out,
        **_how(values),
    )
    if not _is_first():
        return
    for number, phase in enumerate(card.phases, 1):
        losses = (f"{k.removeprefix('val_')} {v:.3f}" for k, v in phase["validation"].items() if k.startswith("val_"))
        print(
            f"phase {number}: {phase['steps']} steps at {phase['images_per_second']:.0f} images/s,"
            f" validation losses: {', '.join(losses) or 'no val split'}"
        )
        if turned := phase.get("source_pitch_deg"):
            print(f"  the source's cameras were turned {'up' if turned > 0 else 'down'} by {abs(turned):g}°")
        if "adversary" in phase:
            print(f"  {phase['adversary']['verdict']}")
    if said := said_beside(values.out, values.device):
        print(said)
    if "snapshots" in card.phases[-1]:
        print(f"snapshots: {values.out}/snapshots   to choose among them: headfreeze select {values.out}")
    print(f"run: {values.out}   next: headfreeze predict {values.out} IMAGES --out DIR")


def _compare_arguments(arguments: Arguments) -> None:
    _several_arguments(arguments)
    training_arguments(arguments, own_workers=True)


def _several_arguments(arguments: Arguments) -> None:
    """Of several recipes and seeds, and where they are trained."""
    from headfreeze.recipes import COMPARED

    arguments.add_list("--recipes", str, "names that `headfreeze recipes` lists", COMPARED)
    arguments.add_list("--seeds", int, "seeds", (0, 1, 2))
    arguments.add("--inside", str, "a task of the target: a mask, or a face's keypoints, inside which to judge", "")
    arguments.add_settings(Compute)


def _compare(values: Namespace) -> None:
    from headfreeze.comparison.compare import compare
    from headfreeze.comparison.table import adversaries, own_table, verdict

    results = compare(
        _part(Pair, values),
        values.out,
        recipes=values.recipes,
        seeds=values.seeds,
        **_how(values),
        inside=values.inside,
        compute=_part(Compute, values),
    )
    if not _is_first():
        return
    print("\n\n".join(filter(None, [own_table(results), verdict(results), adversaries(results)])), end="\n\n")
    print(f"report: {values.out / 'report.html'}, beside table.md (.tex, .csv), tests.csv, results.csv, summary.json")


def _study_arguments(arguments: Arguments) -> None:
    arguments.add_list("--anchors", str, "tasks of both datasets, one of which is the anchor in turn", ())
    _several_arguments(arguments)
    training_arguments(arguments, own_workers=True, own_anchor=True)


def _study(values: Namespace) -> None:
    from headfreeze.comparison.study import study

    values.anchor = next(iter(values.anchors), "")
    found = study(
        _part(Pair, values),
        values.out,
        anchors=values.anchors,
        recipes=values.recipes,
        seeds=values.seeds,
        **_how(values),
        inside=values.inside,
        compute=_part(Compute, values),
    )
    if _is_first():
        print(f"{found.table()}\n\nfigure: {values.out / 'study.png'}, beside study.csv, study.json, study.md")


def _report_arguments(arguments: Arguments) -> None:
    arguments.add("comparison", Path, "folder that `headfreeze compare --out` wrote, finished or not")
    arguments.add("--watch", bool, "write it again as runs come in, until the comparison is done", False)


def _report(values: Namespace) -> None:
    from headfreeze.comparison.report import watch_report, write_report

    if values.watch:
        try:
            for line in watch_report(values.comparison):
                print(line, flush=True)
        except KeyboardInterrupt:
            return  # how one stops to watch
    else:
        write_report(values.comparison)
    print(f"report: {values.comparison / 'report.html'}; figures are in {values.comparison / 'figures'}")


def _search_arguments(arguments: Arguments) -> None:
    from headfreeze.tuning.space import OBJECTIVE, OBJECTIVES, RANGES, TRIALS

    arguments.add("recipe", str, "what to train: a name that `headfreeze recipes` lists")
    arguments.add("--trials", int, "how many there shall be in the end", TRIALS)
    arguments.add("--objective", str, f"what is to become low: {', '.join(OBJECTIVES)}", OBJECTIVE)
    arguments.add_list("--vary", str, f"settings to try out, of {', '.join(RANGES)}; default: what the recipe has", ())
    training_arguments(arguments)


def _search_problems(values: Namespace) -> list[str]:
    from headfreeze.tuning.search import problems

    return problems(values.recipe, settings_of(values), values.trials, values.objective, values.vary, Path())


def _search(values: Namespace) -> None:
    from headfreeze.tuning.search import search

    found = search(
        values.recipe,
        _part(Pair, values),
        values.out,
        trials=values.trials,
        objective=values.objective,
        vary=values.vary,
        **_how(values),
    )
    print(f"{found.table()}\n\nthe best by {found.objective}, trial {found.best.number}:")
    print(found.command(values.out / "best"))


def _select_arguments(arguments: Arguments) -> None:
    from headfreeze.selection.names import CHOICES, DEFAULT

    arguments.add("folder", Path, "what `compare` or `search` wrote, a folder of runs, or one run with snapshots")
    arguments.add("--validator", str, f"what decides: {', '.join(CHOICES)}", DEFAULT)
    arguments.add("--workers", int, "processes; 0 means one on a GPU, else one for each core", 0)
    arguments.add("--device", str, "auto, cpu, cuda, mps or cuda:N", "auto")
    arguments.add("--judge", bool, "then open the target's test labels and say how well each validator ranks", False)
    arguments.add("--inside", str, "with judge: a task of the target inside which to judge, as of `compare`", "")


def _select(values: Namespace) -> None:
    from headfreeze.selection.judge import judged, judgements
    from headfreeze.selection.select import select
    from headfreeze.selection.snapshots import last_phases, table
    from headfreeze.selection.verdict import verdict

    found = select(values.folder, values.validator, device=values.device, workers=values.workers)
    within = last_phases(found, values.device, values.workers)
    said = [found.table(), "" if found.within_a_run else verdict(found.runs, found.values)]
    if values.judge:
        said.append(judgements(judged(found.runs, found.values, values.device, values.inside)))
        within = [each.judged(values.device, values.inside) for each in within]
    if within:
        said.append(table(within))
    print(*filter(None, said), sep="\n\n", end="\n\n")
    print(f"by {found.validator}: {found.best.folder}   next: headfreeze predict {found.best.folder} IMAGES --out DIR")


def _affinity_arguments(arguments: Arguments) -> None:
    from headfreeze.selection.names import AFFINITY_SIZE, AFFINITY_STEPS

    arguments.add("--source", Path, "dataset with labels of all these tasks, in the folder format")
    arguments.add("--main", str, "the task that is wanted on the target")
    arguments.add_list("--anchor", str, "tasks that could be its anchor", ())
    arguments.add("--size", int, "side of the images in pixels", AFFINITY_SIZE)
    arguments.add("--steps", int, "of training a small network, for each anchor", AFFINITY_STEPS)
    arguments.add("--seed", int, "of its weights and batches", 0)
    arguments.add("--out", Path | None, "gets the same as JSON", None)


def _affinity(values: Namespace) -> None:
    from headfreeze.data.folder import open_dataset
    from headfreeze.files import write_json
    from headfreeze.selection.affinity import affinity, as_json, table

    found = affinity(values.source, values.main, values.anchor, size=values.size, steps=values.steps, seed=values.seed)
    print(table(found, open_dataset(values.source).task(values.main)))
    if values.out:
        write_json(values.out, as_json(found))


def _evaluate_arguments(arguments: Arguments) -> None:
    arguments.add("predictions", Path, "a run, or a folder with predictions of any program: TASK/ID.EXT")
    arguments.add("--data", Path, "dataset in the folder format")
    arguments.add("--split", str, "train, val or test", "test")
    arguments.add("--inside", str, "a task of the data: a mask, or the keypoints of a face, inside which to judge", "")
    arguments.add("--device", str, "auto, cpu, cuda, mps or cuda:N", "auto")


def _evaluate(values: Namespace) -> None:
    from headfreeze.evaluation.evaluate import evaluate

    scores = evaluate(values.predictions, values.data, values.split, values.device, values.inside)
    for task, metrics in scores.metrics.items():
        print(f"{task}: " + ", ".join(f"{name} {value:.4g}" for name, value in metrics.items()))


def _predict_arguments(arguments: Arguments) -> None:
    arguments.add("run", Path, "folder that `headfreeze fit --out` wrote")
    arguments.add("images", list[str], "files, folders, globs or videos")
    arguments.add("--out", Path, "gets TASK/ID.EXT and pictures/ID.png")
    arguments.add("--device", str, "auto, cpu, cuda, mps or cuda:N", "auto")


def _predict(values: Namespace) -> None:
    from headfreeze.inference.predictor import Predictor

    count = Predictor(values.run, values.device).write(values.images, values.out)
    print(f"{count} images predicted; labels and pictures are in {values.out}")


def _synth_arguments(arguments: Arguments, size: int) -> None:
    arguments.add("out", Path, "gets OUT/source and OUT/target; must not exist yet")
    arguments.add("--source", int, "training images of the source", 2000)
    arguments.add("--target", int, "training images of the target", 2000)
    arguments.add("--size", int, "side of the images in pixels", size)
    arguments.add("--seed", int, "of everything that is drawn", 0)
    arguments.add("--workers", int, "processes; 0 means one for each core", 0)


def _rooms_arguments(arguments: Arguments) -> None:
    _synth_arguments(arguments, size=64)
    poses = (
        "different: level cameras in the source, hand-held ones in the target; equal: hand-held ones in both; any: "
        "phones, robots and heads carry them in both, at every height and pitch"
    )
    scenes = "simple: a dozen plain things in a room; rich: thin, round and leafy ones too, more of them, daylight"
    arguments.add("--poses", Literal["different", "equal", "any"], poses, "different")
    arguments.add("--scenes", Literal["simple", "rich"], scenes, "simple")
    looks = Literal["clean", "photographic", "path-traced"]
    described = "flat colours; textures, shadows, a lens and a sensor; or all light, by Mitsuba: the slowest by far"
    arguments.add("--source_look", looks, described, "clean")
    arguments.add("--target_look", looks, "the same for the target", "photographic")


def _synth_rooms(values: Namespace) -> None:
    from headfreeze.progress import counting
    from headfreeze.synth.rooms import write_rooms

    with counting("rendering rooms") as report:
        write_rooms(**vars(values.clone()), progress=report)
    print(f"rooms are in {values.out}/source and {values.out}/target")


def _faces_arguments(arguments: Arguments) -> None:
    _synth_arguments(arguments, size=112)
    arguments.add("--model", Path, "ICT-FaceKit: the folder of a clone, or an .npz of it")
    poses, expressions = Literal["frontal", "natural", "wide"], Literal["neutral", "mild", "strong"]
    looks = Literal["clean", "photographic"]
    arguments.add("--source_poses", poses, "how the source's heads turn: by up to 10, 35 or 60 degrees", "wide")
    arguments.add("--target_poses", poses, "how the target's heads turn", "frontal")
    arguments.add("--source_expressions", expressions, "how much the source's faces do", "mild")
    arguments.add("--target_expressions", expressions, "how much the target's faces do", "strong")
    arguments.add("--source_look", looks, "a renderer's defaults, or shadows, highlights, a lens and a sensor", "clean")
    arguments.add("--target_look", looks, "the same for the target", "photographic")


def _synth_faces(values: Namespace) -> None:
    from headfreeze.progress import counting
    from headfreeze.synth.faces import write_faces

    with counting("rendering faces") as report:
        write_faces(**vars(values.clone()), progress=report)
    print(f"faces are in {values.out}/source and {values.out}/target; train on them with --rotate_deg 0")


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


def _recipes(_: Namespace) -> None:
    from headfreeze.recipes import table

    print(table())


def _demo_arguments(arguments: Arguments) -> None:
    arguments.add("--out", Path, "folder of what comes out", Path("runs/demo"))
    arguments.add("--steps", int, "budget of every recipe; 0 means the demo's own", 0)
    arguments.add_list("--seeds", int, "seeds", (0,))


def _demo(values: Namespace) -> None:
    from headfreeze.comparison.table import own_table, verdict
    from headfreeze.demo import demo

    results = demo(values.out, values.steps, values.seeds)
    print(f"{own_table(results)}\n\n{verdict(results)}\n\nReport, for a browser: {values.out / 'report.html'}")
    print(f"Predictions side by side: {values.out / 'figure.png'}; table beside the paper's: {values.out / 'table.md'}")


_DATA = "--source rooms/source --target rooms/target --main normals --anchor segmentation"

COMMANDS: dict[str, Command] = {
    "demo": Command(
        "rooms, six recipes, a table and a picture: minutes on two cores", "headfreeze demo", _demo_arguments, _demo
    ),
    "synth rooms": Command(
        "write rendered rooms in two looks, with normals, depth and segmentation",
        "headfreeze synth rooms rooms --source 2000 --target 2000 --size 64",
        _rooms_arguments,
        _synth_rooms,
    ),
    "synth faces": Command(
        "write rendered faces in two looks, with normals, depth, a mask and 68 keypoints",
        "headfreeze synth faces faces --model ICT-FaceKit --source 2000 --target 2000 --size 112",
        _faces_arguments,
        _synth_faces,
    ),
    **ANNOTATE,
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
    "fit": Command(
        "train one recipe on a source and a target",
        f"headfreeze fit headfreeze {_DATA} --out runs/rooms",
        _fit_arguments,
        _fit,
        _training_problems,
    ),
    "compare": Command(
        "train several recipes with several seeds and compare them",
        f"headfreeze compare {_DATA} --recipes baseline,headfreeze,oracle --seeds 0,1,2 --out runs/comparison",
        _compare_arguments,
        _compare,
        _comparison_problems,
    ),
    "study": Command(
        "compare anchors: the same recipes with one after the other, against one baseline",
        "headfreeze study --source rooms/source --target rooms/target --main normals --anchors segmentation,edges"
        " --recipes baseline,mtl-both,headfreeze,oracle --seeds 0,1,2 --out runs/study",
        _study_arguments,
        _study,
    ),
    "report": Command(
        "write the report of a comparison: one HTML file with tables, figures and a verdict",
        "headfreeze report runs/comparison",
        _report_arguments,
        _report,
    ),
    "search": Command(
        "look for a recipe's settings without labels of the main task on the target",
        f"headfreeze search headfreeze {_DATA} --trials 20 --out runs/search",
        _search_arguments,
        _search,
        _search_problems,
    ),
    "select": Command(
        "choose among trained runs without labels of the main task on the target",
        "headfreeze select runs/comparison",
        _select_arguments,
        _select,
    ),
    "affinity": Command(
        "say how much each anchor tells about the main task, from the source's labels alone",
        "headfreeze affinity --source rooms/source --main normals --anchor segmentation,edges",
        _affinity_arguments,
        _affinity,
    ),
    "evaluate": Command(
        "metrics of a run, or of stored predictions of any program",
        "headfreeze evaluate runs/rooms --data rooms/target --split test",
        _evaluate_arguments,
        _evaluate,
    ),
    "predict": Command(
        "labels and pictures for new photographs",
        "headfreeze predict runs/rooms photos --out predictions",
        _predict_arguments,
        _predict,
    ),
    **EXPORT,
    "recipes": Command("list the recipes and the labels each sees", "headfreeze recipes", lambda _: None, _recipes),
}
