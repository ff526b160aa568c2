"""Data sets as their makers publish them, one file each; `headfreeze data convert` turns any into the folder format."""

from headfreeze.data.formats import READERS
from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.readers.registry import open_reader

__all__ = ["READERS", "Frame", "Reader", "open_reader"]
