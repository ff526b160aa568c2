"""The commands `headfreeze annotate …`. What they need is imported when they run: `--help` does not wait for it."""

from pathlib import Path
from typing import Literal

from jsonargparse import Namespace

from headfreeze.arguments import Arguments
from headfreeze.command import Command


def _edges_arguments(arguments: Arguments) -> None:
    arguments.add("root", Path, "dataset; with nothing but images in ROOT/{train,val,test}/image too")
    arguments.add("--name", str, "name of the task, and of the folder of its labels", "edges")
    arguments.add("--thickness_px", int, "of the lines; as many as an image will be scaled down, or they vanish", 1)
    arguments.add("--overwrite", bool, "replace labels that are there", False)


def _annotate_edges(values: Namespace) -> None:
    from headfreeze.annotate.edges import annotate_edges

    count = annotate_edges(values.root, name=values.name, thickness_px=values.thickness_px, overwrite=values.overwrite)
    print(f"{count} edge maps written to {values.root}/*/{values.name}")


def _lines_arguments(arguments: Arguments) -> None:
    from headfreeze.annotate.options import FOV_DEG, LINE_THICKNESS

    arguments.add("root", Path, "dataset; with nothing but images in ROOT/{train,val,test}/image too")
    arguments.add("--name", str, "name of the task, and of the folder of its labels", "lines")
    arguments.add("--fov_deg", float, "the camera's angle of view over the images' longer side, in degrees", FOV_DEG)
    arguments.add("--thickness", float, "of the lines, as a share of an image's longer side", LINE_THICKNESS)
    arguments.add("--overwrite", bool, "replace labels that are there", False)


def _annotate_lines(values: Namespace) -> None:
    from headfreeze.annotate.lines import annotate_lines

    count = annotate_lines(**vars(values.clone()))
    print(f"{count} maps of lines written to {values.root}/*/{values.name}")


def _up_arguments(arguments: Arguments) -> None:
    from headfreeze.annotate.options import FOV_DEG

    arguments.add("root", Path, "dataset; with nothing but images in ROOT/{train,val,test}/image too")
    arguments.add("--name", str, "name of the task, and of the folder of its labels", "up")
    arguments.add("--fov_deg", float, "the camera's angle of view over the images' longer side, in degrees", FOV_DEG)
    arguments.add("--overwrite", bool, "replace labels that are there", False)


def _annotate_up(values: Namespace) -> None:
    from headfreeze.annotate.up import annotate_up

    count = annotate_up(**vars(values.clone()))
    print(f"{count} maps of the vertical written to {values.root}/*/{values.name}")


def _model_arguments(arguments: Arguments, model: str, name: str, about_name: str = "") -> None:
    arguments.add("root", Path, "dataset; with nothing but images in ROOT/{train,val,test}/image too")
    arguments.add("--model", str, "of Hugging Face's transformers: a name on the hub, or a folder", model)
    arguments.add("--name", str, f"name of the task, and of the folder of its labels{about_name}", name)
    arguments.add("--overwrite", bool, "replace labels that are there", False)
    arguments.add("--device", str, "auto, cpu, cuda, mps or cuda:N", "auto")


def _depth_arguments(arguments: Arguments) -> None:
    from headfreeze.annotate.options import DEPTH_MODEL, GIVES

    names = "; empty: depth where the model gives metres, else relative_depth"
    _model_arguments(arguments, DEPTH_MODEL, "", names)
    arguments.add("--gives", Literal[GIVES], "what the model predicts; auto: as it says itself", "auto")


def _annotate_depth(values: Namespace) -> None:
    from headfreeze.annotate.dense import annotate_depth

    count, name = annotate_depth(**vars(values.clone()))
    print(f"{count} maps of depth written to {values.root}/*/{name}")


def _normals_arguments(arguments: Arguments) -> None:
    from headfreeze.annotate.options import DEPTH_MODEL, FOV_DEG, GIVES

    _model_arguments(arguments, DEPTH_MODEL, "normals")
    arguments.add("--gives", Literal[GIVES], "what the model predicts; auto: as it says itself", "auto")
    arguments.add("--fov_deg", float, "the camera's angle of view over the images' longer side, in degrees", FOV_DEG)


def _annotate_normals(values: Namespace) -> None:
    from headfreeze.annotate.dense import annotate_normals

    count = annotate_normals(**vars(values.clone()))
    print(f"{count} maps of normals written to {values.root}/*/{values.name}")


def _segmentation_arguments(arguments: Arguments) -> None:
    from headfreeze.annotate.options import SEGMENTATION_MODEL

    _model_arguments(arguments, SEGMENTATION_MODEL, "segmentation")


def _annotate_segmentation(values: Namespace) -> None:
    from headfreeze.annotate.dense import annotate_segmentation

    count = annotate_segmentation(**vars(values.clone()))
    print(f"{count} maps of classes written to {values.root}/*/{values.name}")


def _landmarks_arguments(arguments: Arguments) -> None:
    arguments.add("root", Path, "dataset; with nothing but images in ROOT/{train,val,test}/image too")
    detectors = "mediapipe (with relative depth), face-alignment (the paper's; with depth), face-alignment-2d"
    arguments.add("--detector", str, detectors, "mediapipe")
    arguments.add("--name", str, "name of the task, and of the folder of its labels", "keypoints")
    arguments.add_list("--splits", str, "splits to label", ("train", "val", "test"))
    arguments.add("--overwrite", bool, "replace labels that are there", False)
    arguments.add("--device", str, "for face-alignment: auto, cpu, cuda, mps or cuda:N", "auto")


def _annotate_landmarks(values: Namespace) -> None:
    from headfreeze.annotate.landmarks import annotate_landmarks, table

    tallies = annotate_landmarks(
        values.root,
        detector=values.detector,
        name=values.name,
        splits=values.splits,
        overwrite=values.overwrite,
        device=values.device,
    )
    print(table(tallies))
    print(f"landmarks are in {values.root}/*/{values.name}")


def _head_arguments(arguments: Arguments) -> None:
    arguments.add("root", Path, "dataset with landmarks; both of a pair want it")
    arguments.add("--model", Path, "ICT-FaceKit: the folder of a clone, or an .npz of it")
    arguments.add("--landmarks", str, "the task that has them: 68 keypoints in the order multi-pie", "keypoints")
    arguments.add("--name", str, "name of the task, and of the folder of its labels", "head")
    arguments.add("--overwrite", bool, "replace labels that are there", False)


def _annotate_head(values: Namespace) -> None:
    from headfreeze.annotate.head import annotate_head

    heads = annotate_head(**vars(values.clone()))
    print(
        f"{heads.labelled} maps of normals written to {values.root}/*/{values.name}; landmarks lie within"
        f" {heads.residual_mm:.1f} mm of their heads' (median)"
    )
    if heads.without:
        print(f"{heads.without} images have landmarks that no head has, and got no label")


def _derive_arguments(arguments: Arguments) -> None:
    arguments.add("root", Path, "dataset with labels of the anchor; of a pair, the target")
    arguments.add("--from", str, "the anchor that is there")
    arguments.add("--name", str, "of the new task, and of the folder of its labels")
    whole = "the pair's source: gets the same task with all of its labels, none of them wrong"
    arguments.add("--source", Path | None, whole, None)
    arguments.add("--classes", str, "fewer classes: a YAML file as of `data convert`, or nyu13", "")
    merge = "fewer classes without a file: as many, those with most pixels of the source and the rest as one"
    arguments.add("--merge", int, f"{merge}; 0: no merging", 0)
    arguments.add("--share", float, "of the images that get a label; those of a tenth are among those of a half", 1.0)
    arguments.add("--noise", float, "share of a label's pixels whose class is wrong, in blobs", 0.0)
    arguments.add("--seed", int, "of share and noise", 0)
    arguments.add("--overwrite", bool, "replace labels that are there", False)


def _annotate_derive(values: Namespace) -> None:
    from headfreeze.annotate.derive import derive

    how = vars(values.clone())
    count = derive(anchor=how.pop("from"), **how)
    places = " and ".join(f"{root}/*/{values.name}" for root in (values.root, values.source) if root)
    print(f"{count} labels written to {places}")


ANNOTATE: dict[str, Command] = {
    "annotate edges": Command(
        "write edge maps beside the images: a free anchor",
        "headfreeze annotate edges photos",
        _edges_arguments,
        _annotate_edges,
    ),
    "annotate lines": Command(
        "write maps of straight lines by their direction in space beside the images: a free anchor",
        "headfreeze annotate lines photos",
        _lines_arguments,
        _annotate_lines,
    ),
    "annotate up": Command(
        "write which way is up, found from the lines, beside the images: a free anchor",
        "headfreeze annotate up photos",
        _up_arguments,
        _annotate_up,
    ),
    "annotate depth": Command(
        "write the depth that a pretrained model predicts beside the images",
        "headfreeze annotate depth photos",
        _depth_arguments,
        _annotate_depth,
    ),
    "annotate segmentation": Command(
        "write the classes that a pretrained model predicts beside the images",
        "headfreeze annotate segmentation photos",
        _segmentation_arguments,
        _annotate_segmentation,
    ),
    "annotate normals": Command(
        "write normals of a pretrained model's depth beside the images",
        "headfreeze annotate normals photos",
        _normals_arguments,
        _annotate_normals,
    ),
    "annotate landmarks": Command(
        "write the 68 landmarks of faces beside the images: a free anchor",
        "headfreeze annotate landmarks portraits",
        _landmarks_arguments,
        _annotate_landmarks,
    ),
    "annotate head": Command(
        "write the normals of a head fitted to the landmarks beside the images: a free anchor",
        "headfreeze annotate head portraits --model ICT-FaceKit",
        _head_arguments,
        _annotate_head,
    ),
    "annotate derive": Command(
        "write a cheaper anchor made of one that is there: fewer classes, fewer labels, wrong ones",
        "headfreeze annotate derive rooms/target --source rooms/source --from segmentation --name tenth --share 0.1",
        _derive_arguments,
        _annotate_derive,
    ),
}
