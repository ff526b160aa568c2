"""What validators have in common: which images of the target they look at, and a score as something to be low."""

from headfreeze.data.folder import Sample
from headfreeze.data.pair import OpenPair
from headfreeze.pictures import spread
from headfreeze.tasks.base import Task

IMAGES = 64
"""Of a domain that are looked at, at equal distances."""


def target_images(pair: OpenPair) -> list[Sample]:
    """Images of the target, without a label: of val, or of train where there is no val."""
    return spread(pair.datasets["target"].samples(split_with(pair, "target"), []), IMAGES)


def split_with(pair: OpenPair, domain: str, task: str = "image") -> str:
    """val, where the domain has images, or labels of this task, in it; else train."""
    return "val" if pair.datasets[domain].has("val", task) else "train"


def badness(task: Task, metrics: dict[str, float]) -> float:
    """The task's score, negated where more is better."""
    return metrics[task.score] if task.lower_is_better else -metrics[task.score]
