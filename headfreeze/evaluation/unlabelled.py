"""What validators have in common: which images of the target they look at, and a score as something to be low."""

import math
from collections.abc import Sequence

from headfreeze.data.folder import Sample
from headfreeze.data.pair import OpenPair
from headfreeze.pictures import spread
from headfreeze.tasks.base import Task

IMAGES = 64
"""Of a domain that are looked at, at equal distances."""
_LEAST = 1e-6


def target_images(pair: OpenPair) -> list[Sample]:
    """Images of the target, without a label: of val, or of train where there is no val."""
    return spread(pair.datasets["target"].samples(split_with(pair, "target"), []), IMAGES)


def split_with(pair: OpenPair, domain: str, task: str = "image") -> str:
    """val, where the domain has images, or labels of this task, in it; else train."""
    return "val" if (pair.datasets[domain].root / "val" / task).is_dir() else "train"


def badness(task: Task, metrics: dict[str, float]) -> float:
    """The task's score, negated where more is better."""
    return metrics[task.score] if task.lower_is_better else -metrics[task.score]


def together(found: Sequence[tuple[Task, dict[str, float]]]) -> float:
    """The badness of one task; of several one number, by which runs are ranked alike whatever units the scores have.

    That is the geometric mean of the errors, with the inverse of a score of which more is better. NaN for no task.
    """
    if len(found) < 2:
        return badness(*found[0]) if found else math.nan
    scores = [(max(metrics[task.score], _LEAST), 1 if task.lower_is_better else -1) for task, metrics in found]
    return math.exp(sum(sign * math.log(score) for score, sign in scores) / len(scores))
