"""Of several processes that train together one speaks; known without loading torch."""

import os
import sys


def is_first() -> bool:
    """Whether this is the only process of its training, or the one among them that speaks."""
    distributed = sys.modules.get("torch.distributed")
    if distributed and distributed.is_initialized():
        return bool(distributed.get_rank() == 0)
    return os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")) == "0"  # set by torchrun and Fabric's launcher
