"""Every setting that a user can give, with its default and unit. Light to import: no torch here."""

from headfreeze.settings.adversarial import Adversarial as Adversarial
from headfreeze.settings.adversarial import AdversaryKind as AdversaryKind
from headfreeze.settings.adversarial import AdversaryLoss as AdversaryLoss
from headfreeze.settings.architecture import Architecture as Architecture
from headfreeze.settings.compute import Compute as Compute
from headfreeze.settings.pair import LARGEST_ROTATION_DEG as LARGEST_ROTATION_DEG
from headfreeze.settings.pair import Augmentation as Augmentation
from headfreeze.settings.pair import Pair as Pair
from headfreeze.settings.pair import Resize as Resize
from headfreeze.settings.pair import height_width as height_width
from headfreeze.settings.training import LARGEST_SEED as LARGEST_SEED
from headfreeze.settings.training import TINY_LEARNING_RATE as TINY_LEARNING_RATE
from headfreeze.settings.training import Schedule as Schedule
from headfreeze.settings.training import Training as Training
from headfreeze.settings.whole import Settings as Settings
from headfreeze.settings.whole import as_flags as as_flags
