"""What runs can be chosen by, as values. Light to import: no torch here."""

from headfreeze.tuning.space import OBJECTIVES

CROSS_TASK, DISAGREEMENT, COMBINED = "cross_task_energy", "disagreement", "combined"
VALIDATORS = (*OBJECTIVES, CROSS_TASK, DISAGREEMENT)
"""Those of a single run, then those that need more than it: a network trained for the pair, the other runs."""
CHOICES = (*VALIDATORS, COMBINED)
DEFAULT = COMBINED
"""The one that did best in docs/select.md."""
