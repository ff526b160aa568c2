"""Small YAML files of strangers: no larger than they should be, aliases written out."""

import itertools
from pathlib import Path

import yaml

from headfreeze.errors import InputError

_MOST_BYTES = 1_000_000
_MOST_NODES = 100_000


def read_yaml(path: Path, example: str) -> object:
    """What a small YAML file holds.

    Args:
        path: of the file.
        example: what it should hold something like, for the message.

    Raises:
        InputError: it is not there, or is no YAML of a sensible size.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise InputError(f"{path}: longer than {_MOST_BYTES} bytes; it should hold little but '{example}'")
        return _bounded_yaml(text.decode())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()})") from None
    except RecursionError:
        raise InputError(f"{path}: not valid YAML (nested too deeply)") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: no UTF-8, or a date that there is not
        raise InputError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None


def _bounded_yaml(text: str) -> object:
    """What the text means. A few lines of aliases can stand for more than fits into any memory once a message shows it.

    Raises:
        yaml.YAMLError: no YAML, or one that is larger than any description of tasks.
    """
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _written_out(node, {}) > _MOST_NODES:
            raise yaml.YAMLError(f"with its aliases written out it holds more than {_MOST_NODES} values")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _written_out(node: yaml.Node, known: dict[int, float]) -> float:
    """How many values a node stands for; one that holds itself stands for infinitely many."""
    if id(node) not in known:
        known[id(node)] = float("inf")
        parts = node.value if isinstance(node, yaml.CollectionNode) else []
        flat = itertools.chain.from_iterable(parts) if isinstance(node, yaml.MappingNode) else parts
        known[id(node)] = 1 + sum(_written_out(part, known) for part in flat)
    return known[id(node)]
