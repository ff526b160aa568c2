"""What runs can be chosen by, as values. Light to import: no torch here."""

from headfreeze.tuning.space import OBJECTIVES

CROSS_TASK, DISAGREEMENT, COMBINED = "cross_task_energy", "disagreement", "combined"
VALIDATORS = (*OBJECTIVES, CROSS_TASK, DISAGREEMENT)
"""Those of a single run, then those that need more than it: a network trained for the pair, the other runs."""
CHOICES = (*VALIDATORS, COMBINED)
MEASURING = ("source_loss", "stylised_error", CROSS_TASK)
"""Those that compare with a known label, of the source or of the anchor, and say something of every run: `combined`."""
DEFAULT = COMBINED
"""The one that did best in docs/select.md."""
AFFINITY_SIZE, AFFINITY_STEPS = 48, 200
"""Side of the images in pixels, and steps of training for each anchor: seconds on one core."""
