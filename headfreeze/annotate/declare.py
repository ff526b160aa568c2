"""Adding a task to dataset.yaml without touching what a person wrote there: comments, order and style stay."""

from pathlib import Path
from typing import Any

import yaml

from headfreeze.data.folder import CONFIG, read_config
from headfreeze.errors import InputError
from headfreeze.files import write_text
from headfreeze.tasks.base import Task


def declared(root: Path) -> dict[str, Any]:
    """What ROOT/dataset.yaml holds; {} where there is none.

    Raises:
        InputError: it is no YAML, or its `tasks` is no mapping.
    """
    path = root / CONFIG
    config = read_config(path) if path.exists() else {}
    config = {} if config is None else config
    if not isinstance(config, dict) or not isinstance(config.get("tasks") or {}, dict):
        raise InputError(f"{path}: should hold a mapping such as 'tasks: {{normals: {{}}}}'; mend it first")
    return config


def declare(root: Path, task: Task) -> None:
    """Adds the entry of `task` to ROOT/dataset.yaml, atomically; does nothing where it stands there already.

    Raises:
        InputError: dataset.yaml declares another task of that name, or cannot be understood.
    """
    if check_declarable(root, task):
        return
    path, config = root / CONFIG, declared(root)
    tasks = config.get("tasks") or {}
    options = task.options()
    wanted = config | {"tasks": tasks | {task.name: options}}
    text = _inserted(path.read_text(), task.name, options) if tasks else ""
    if not _means(text, wanted):  # a style that the insertion does not know: written anew, without the comments
        text = yaml.safe_dump(wanted, default_flow_style=None, sort_keys=False, allow_unicode=True)
    write_text(path.resolve(), text)  # a link stays one


def check_declarable(root: Path, task: Task) -> bool:
    """Whether ROOT/dataset.yaml has the entry of `task` already; changes nothing.

    Raises:
        InputError: as of `declare`.
    """
    tasks, options = declared(root).get("tasks") or {}, task.options()
    if task.name not in tasks:
        return False
    if (tasks[task.name] or {}) != options:
        raise InputError(
            f"{root / CONFIG}: '{task.name}' is declared as {tasks[task.name]}, not as {options}; choose another name"
        )
    return True


def _inserted(text: str, name: str, options: dict[str, Any]) -> str:
    """`text` with an entry after the last of its tasks; the caller checks that it means what it should."""
    root = yaml.compose(text)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    tasks = next((value for key, value in pairs if key.value == "tasks"), None)
    if not isinstance(tasks, yaml.MappingNode):
        return ""
    dumped = yaml.safe_dump({name: options}, default_flow_style=True, sort_keys=False, width=10**6, allow_unicode=True)
    entry = dumped.strip()[1:-1]
    if tasks.flow_style:
        end = tasks.value[-1][1].end_mark.index
        return f"{text[:end]}, {entry}{text[end:]}"
    end = _end(tasks)
    line, newline, rest = text[end:].partition("\n")  # the line may go on with a comment
    indent = " " * tasks.value[0][0].start_mark.column
    return f"{text[:end]}{line}\n{indent}{entry}{newline}{rest}"


def _means(text: str, wanted: dict[str, Any]) -> bool:
    try:
        return bool(yaml.safe_load(text) == wanted)
    except yaml.YAMLError:
        return False


def _end(node: yaml.Node) -> int:
    """Where a node's last value ends; a block's own end mark lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)
