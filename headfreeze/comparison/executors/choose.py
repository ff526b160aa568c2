"""The executor that a user's settings ask for."""

from headfreeze.comparison.executors.base import Executor, Here
from headfreeze.comparison.work import Setup, Shop
from headfreeze.settings import Compute
from headfreeze.training.session import Session


def choose_executor(compute: Compute, setup: Setup, session: Session) -> Executor:
    """Ray, several processes, or this one with the session that it has.

    Raises:
        InputError: the Ray cluster cannot be reached, or has not what a phase needs.
    """
    if compute.ray:
        from headfreeze.comparison.executors.cluster import RayCluster

        return RayCluster(setup, compute)
    if compute.workers > 1:
        from headfreeze.comparison.executors.processes import Processes

        return Processes(setup, compute.workers, compute.retries)
    return Here(Shop(setup, session))
