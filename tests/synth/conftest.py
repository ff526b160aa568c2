"""Faces are rendered by Embree, which has no wheel for Linux on ARM: their tests are not there where it is not."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("embreex") else ["heads/*", "test_faces.py"]
