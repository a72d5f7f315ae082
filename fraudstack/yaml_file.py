"""YAML files that people write: what reading one may cost is bounded, and each mistake is told with its line.

    document = yaml_file.load(path, "rules file")
    rules = document.checked(RulesFile)          # a pydantic model; raises InputError with file, line and place

Everything is text as it stands there, and the model's fields make of it what they ask for: YAML 1.1 would read the
merchant 00501 as 321, the country NO as false and the key Yes as true.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from fraudstack.errors import InputError

_MOST_BYTES = 1 << 20
_DEEPEST = 20
_MOST_SHOWN = 60
# The one in C takes a tenth of the time.
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass(frozen=True)
class Document:
    """What a file says: `content` is made of texts, lists and mappings with texts as keys, None of an empty file."""

    name: str
    content: Any
    # SHA-256 of its bytes, in hexadecimal digits.
    digest: str
    _root: yaml.Node | None

    def checked[Model: BaseModel](self, model: type[Model]) -> Model:
        """The content as a model; raises InputError, naming the line, where it isn't one."""
        try:
            return model.model_validate(self.content)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the file"
            more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
            said = first["msg"].removeprefix("Value error, ")
            raise InputError(f"{self.at(*first['loc'])}: {place}: {said}{more}") from error

    def at(self, *place: str | int) -> str:
        """File and line of what stands at a place, keys and numbers from the root on, or of what should hold it."""
        node, line = self._root, 1 if self._root is None else self._root.start_mark.line + 1
        for step in place:
            found = None
            if isinstance(node, yaml.MappingNode):
                found = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                found = (node.value[step], node.value[step])
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        return f"{self.name}, line {line}"


def load(path: Path, kind: str) -> Document:
    """Read a file of some kind ("rules file"); raises InputError when it can't be read or isn't YAML."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"the {kind} {path} can't be read: {error.strerror}") from error
    return parse(content, str(path))


def parse(content: bytes, name: str) -> Document:
    """The bytes of a file called `name`, read; raises InputError, naming the line, when they aren't YAML."""
    if len(content) > _MOST_BYTES:
        raise InputError(f"{name}: a file of this kind has at most {_MOST_BYTES:,} bytes")
    try:
        text = content.decode().removeprefix("\ufeff")
        _check(text, name)
        root = yaml.compose(text, Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise InputError(f"{name}, line {_broken_line(error, content)}: this isn't YAML: {problem}") from error
    digest = hashlib.sha256(content).hexdigest()
    return Document(name, None if root is None else _content(root, name), digest, root)


def _check(text: str, name: str) -> None:
    """Look through the file's parts, one after the other, before a tree is made of them."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = 1 if event.start_mark is None else event.start_mark.line + 1
        # A few lines of aliases stand for millions of values; nobody needs one here.
        if isinstance(event, yaml.AliasEvent):
            raise InputError(
                f"{name}, line {line}: *{str(event.anchor)[:_MOST_SHOWN]}: aliases aren't read, write it out"
            )
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise InputError(f"{name}, line {line}: this is nested too deeply")


def _content(node: yaml.Node, name: str) -> object:
    if isinstance(node, yaml.SequenceNode):
        return [_content(item, name) for item in node.value]
    if not isinstance(node, yaml.MappingNode):
        return node.value
    found: dict[str, object] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise InputError(f"{name}, line {line}: a key is one word, no list and no mapping")
        # YAML lets a key stand twice and takes the last.
        if key.value in found:
            raise InputError(f"{name}, line {line}: {key.value[:_MOST_SHOWN]} stands there twice")
        found[key.value] = _content(value, name)
    return found


def _broken_line(error: Exception, content: bytes) -> int:
    """The line in which reading ended."""
    if isinstance(error, UnicodeDecodeError):
        return content.count(b"\n", 0, error.start) + 1
    if isinstance(error, yaml.reader.ReaderError):
        return content.decode().count("\n", 0, error.position) + 1
    mark = getattr(error, "problem_mark", None)
    return mark.line + 1 if mark else 1
