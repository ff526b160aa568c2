"""The commands `headfreeze synth …`. What they need is imported when they run: `--help` does not wait for it."""

from pathlib import Path
from typing import Literal

from jsonargparse import Namespace

from headfreeze.arguments import Arguments
from headfreeze.command import Command


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


SYNTH: dict[str, Command] = {
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
}
