"""Settings from words, the environment and files.

Precedence: `--set a.b=c` (or `--set JSON`, or `--set @FILE` of it), then the environment (`REELMILL_RECIPE__DEDUP__THRESHOLD=0.8`), then a settings file (JSON of
the same names), then the defaults in `schemas.settings`. Names may leave out `recipe.` and `runtime.`, in the environment where two
underscores remain (`REELMILL_DEDUP__THRESHOLD`). An unknown name is an error that suggests the nearest; what is wrong with a variable or a
file names it.
"""

import difflib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from schemas.settings import Settings, SettingsError

PREFIX = "REELMILL_"
_HALF = re.compile("[\ud800-\udfff]")


def known_names(model: type[BaseModel] = Settings, prefix: str = "") -> list[str]:
    """Dotted names of all settings."""
    names: list[str] = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names += known_names(kind, f"{prefix}{name}.")
        else:
            names.append(prefix + name)
    return names


def full_name(name: str) -> str:
    """`dedup.threshold` or `lake` -> the name from the root; an unknown name raises with the nearest ones."""
    names = known_names()
    open_ended = ("recipe.policy.filters", "recipe.label.vocabulary")
    for guess in (name, f"recipe.{name}", f"runtime.{name}"):
        if guess in names or any(guess.startswith(f"{root}.") for root in open_ended):
            return guess
    short = [n.split(".", 1)[1] for n in names]
    near = difflib.get_close_matches(name.removeprefix("recipe.").removeprefix("runtime."), short, n=1, cutoff=0.0)
    raise SettingsError(f"there is no setting {name!r}; the nearest is {near[0]!r}")


def load(sets: Sequence[str] = (), text_or_file: str | None = None, env: Mapping[str, str] | None = None) -> Settings:
    """The settings in force.

    Args:
        sets: `name=value` words, JSON objects of settings, or `@` and a file of one, the last one strongest; values are JSON where they parse as it and the setting
            is no text, else text.
        text_or_file: a JSON object, or the path of a file that holds one.
        env: environment, by default that of the process. A `REELMILL_` name is a setting when it has two underscores in a row or begins
            with `RECIPE_` or `RUNTIME_`; others are left alone, but for those that lack
            no more than the second underscore, or `RUNTIME__` before `LAKE` and its like.

    Raises:
        SettingsError: an unknown name or a value that does not hold.
    """
    tree: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for origin, name, value in (*_of_file(text_or_file), *_of_variables(os.environ if env is None else env), *_of_words(sets)):
        if name.startswith("recipe.") and name != "recipe.prompts.texts" and (half := _HALF.search(json.dumps(value, ensure_ascii=False))):
            raise SettingsError(f"{origin}{name}: holds half a character (U+{ord(half.group()):04X}); write the whole one")
        _put(tree, name, value)
        origins[name] = origin
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            full_name(where)
        origin = next((o for name, o in origins.items() if f"{where}.".startswith(f"{name}.")), "")
        out = f"; write '{json.dumps([first['input']], ensure_ascii=False)}'" if first["type"] == "tuple_type" else ""
        raise SettingsError(f"{origin}{where} = {first.get('input')!r}: {first['msg']}{out}") from None


Given = Iterator[tuple[str, str, Any]]
"""Where a setting was given, for messages; its name from the root; its value."""


def _of_file(text_or_file: str | None) -> Given:
    if text_or_file is None:
        return
    origin = "--settings: " if text_or_file.lstrip().startswith("{") else f"{text_or_file}: "
    for name, value in _leaves(_object(_read(text_or_file), text_or_file)):
        try:
            yield origin, full_name(name), value
        except SettingsError as error:
            raise SettingsError(f"{origin}{error}") from None


def _of_variables(env: Mapping[str, str]) -> Given:
    meant = {PREFIX + name.split(".", 1)[1].upper().replace(".", "_"): name.split(".", 1)[1] for name in known_names()}
    for variable, text in sorted(env.items()):
        if variable in meant:
            name = meant[variable]
            raise SettingsError(f"{variable}: there is no such setting; write {_variable(name if '.' in name else full_name(name))}, with two underscores for the dot")
        if not is_setting(variable):
            continue
        try:
            name = full_name(variable.removeprefix(PREFIX).lower().replace("__", "."))
        except SettingsError:
            near = difflib.get_close_matches(variable, map(_variable, known_names()), n=1, cutoff=0.0)
            raise SettingsError(f"{variable}: there is no such setting; the nearest is {near[0]}") from None
        yield f"{variable}: ", name, _value(name, text)


def is_setting(variable: str) -> bool:
    """Whether a variable of the environment is meant as a setting."""
    return variable.startswith(PREFIX) and ("__" in variable or variable.startswith((f"{PREFIX}RECIPE_", f"{PREFIX}RUNTIME_")))


def as_variables(settings: Settings) -> dict[str, str]:
    """The settings that were given, those left to their defaults not among them, as the variables that say the same to another process."""
    given = _leaves(settings.model_dump(mode="json", exclude_unset=True))
    return {_variable(name): json.dumps(value) for name, value in given}


def _variable(name: str) -> str:
    return PREFIX + name.upper().replace(".", "__")


def _of_words(sets: Sequence[str]) -> Given:
    for word in sets:
        if word.lstrip().startswith(("{", "@")):
            for name, value in _leaves(_object(_read(word.removeprefix("@")), word)):
                yield "", full_name(name), value
            continue
        short, mark, text = word.partition("=")
        if not mark:
            raise SettingsError(f"--set {word!r} has no '='; write --set dedup.threshold=0.8")
        name = full_name(short.strip())
        yield "", name, _value(name, text)


def _read(text_or_file: str) -> Any:
    text = text_or_file.strip()
    if not text.startswith("{"):
        try:
            text = Path(text_or_file).read_text(encoding="utf-8-sig")
        except OSError as error:
            raise SettingsError(f"settings file {text_or_file!r} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise SettingsError(f"settings file {text_or_file!r} is not UTF-8 text; give a JSON object") from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"settings {text_or_file[:80]!r} are not JSON: {error}") from None


def spelled(given: Any, origin: str = "") -> dict[str, Any]:
    """A tree of settings with all names from the root; of a setting that is named in two ways the last one stands.

    Raises:
        SettingsError: an unknown name, or no object.
    """
    tree: dict[str, Any] = {}
    for name, value in _leaves(_object(given, origin)):
        _put(tree, full_name(name), value)
    return tree


def _object(given: Any, origin: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise SettingsError(f"settings {origin[:80]!r} must be a JSON object")
    return given


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    names = known_names()
    for name, value in tree.items():
        dotted = prefix + name
        whole = any(n == dotted or n.split(".", 1)[1] == dotted for n in names)
        if isinstance(value, dict) and not whole:
            found += _leaves(value, f"{dotted}.")
        else:
            found.append((dotted, value))
    return found


def _put(tree: dict[str, Any], name: str, value: Any) -> None:
    *path, last = name.split(".")
    for place, part in enumerate(path, 1):
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            raise SettingsError(f"{'.'.join(path[:place])} = {tree!r} holds no names, so {name} cannot be set beside it; drop one of both")
    tree[last] = value


def _value(name: str, text: str) -> Any:
    """What a word means: a setting that is a text takes it as it stands, be it `1234567` or `1e5`, unless it is in quotes."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text if _is_text(name) and not isinstance(value, str) else value


def _is_text(name: str) -> bool:
    kind: Any = Settings
    for part in name.split("."):
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return False
        kind = kind.model_fields[part].annotation
    return kind is str
