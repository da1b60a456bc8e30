"""Address: an Experiment as the query of a link, and as a file; beside it, what was chosen about its baselines.

Keys are each field's short `Spec.key`; fields that are as the page begins with (`dashboard.starts`) are left out; the text is compressed.
Whatever a link or a file holds was written by somebody else: nothing here raises anything but `InvalidExperiment`, and nothing is unpacked
beyond its bound.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import zlib
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from core import limits
from core.baselines import Options, unreadable
from core.catalogue import Catalogue
from core.experiment import DEFAULTS, SPECS, Experiment, InvalidExperiment, number

MOST_PACKED_BYTES = 1_500
"""The longest compressed text that travels in a link; a longer one travels as a file."""

MOST_FILE_BYTES = 256 * 1024
"""The largest Experiment file that is read."""

FIRST = Experiment()
"""What a link leaves out where no page says otherwise."""

IN_A_FILE = "file"
"""Stands in a link for a text that is too long for it."""

FILE_VERSION = 1

UNCHOSEN = Options()
"""Baselines that choose by themselves."""

OPTION_KEYS = {field.metadata["key"]: field.name for field in fields(Options)}
"""The keys of what is chosen about baselines, and its names."""

LONGEST_OPTION = 60
"""Characters of such a choice that are read."""

SWITCHED = {"1": True, "0": False}
"""What a link says for yes and no."""

GROUPED = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d*)?")
"""A number as sentences write it: 1,000,000."""


def as_text(name: str, value: Any) -> str:
    """A field's value as a person writes it."""
    return number(value) if isinstance(DEFAULTS[name], float) else str(value)


def from_text(name: str, text: str) -> Any:
    """The value that was meant, in the field's type where possible; the Experiment itself judges it."""
    kind = type(DEFAULTS[name])
    if kind is str:
        return text
    try:
        value = float(text.replace(",", "") if GROUPED.fullmatch(text.strip()) else text)
    except ValueError:
        return text
    return int(value) if kind is int and math.isfinite(value) and value == int(value) else value


def write(experiment: Experiment, start: Experiment = FIRST) -> dict[str, str]:
    """The query of a link that starts this Experiment, on a page that begins with `start`; empty for `start` itself."""
    query = {}
    for name in DEFAULTS:
        chosen = getattr(experiment, name)
        if chosen == getattr(start, name):
            continue
        query[SPECS[name].key] = (_pack(chosen) or IN_A_FILE) if SPECS[name].multiline else as_text(name, chosen)
    return query


def carries_text(experiment: Experiment) -> bool:
    """Whether the link holds the whole Experiment, its text too."""
    return IN_A_FILE not in (write(experiment).get(spec.key) for spec in SPECS.values() if spec.multiline)


def read(query: Mapping[str, str], catalogue: Catalogue, start: Experiment = FIRST) -> tuple[Experiment, list[str]]:
    """The Experiment of a link, and one sentence for each field that cannot be and stays as it is in `start`.  Unknown keys are ignored."""
    chosen: dict[str, Any] = {}
    complaints = []
    for name, spec in SPECS.items():
        if spec.key not in query:
            continue
        try:
            value = _unpack(name, query[spec.key]) if spec.multiline else from_text(name, query[spec.key])
            catalogue.check(start.replace(**{name: value}))
        except InvalidExperiment as invalid:
            complaints.append(invalid.problems[name])
        else:
            chosen[name] = value
    try:
        return start.replace(**chosen), complaints
    except InvalidExperiment as invalid:  # fields that are fine alone and not together
        kept = {name: value for name, value in chosen.items() if name not in ("truncation", *invalid.problems)}
        left, groups = start.replace(**kept), {SPECS[name].group for name in invalid.problems}
        # What was meant for what is gone would stand in the address, and mean nothing.
        idle = [name for name in kept if SPECS[name].group in groups and not catalogue.matters(left, name)]
        return left.replace(**{name: getattr(start, name) for name in idle}), [*complaints, *invalid.problems.values()]


def write_options(options: Options) -> dict[str, str]:
    """What a link says beside the Experiment of its baselines; nothing where they are chosen by themselves."""
    chosen = {key: getattr(options, name) for key, name in OPTION_KEYS.items() if getattr(options, name) != getattr(UNCHOSEN, name)}
    return {key: str(int(value)) if isinstance(value, bool) else re.sub(r"\s", "", value) for key, value in chosen.items()}


def read_options(query: Mapping[str, str]) -> tuple[Options, list[str]]:
    """The baselines of a link, and one sentence for each choice that cannot be and is left to themselves."""
    options, complaints = UNCHOSEN, []
    for key, written in of_options(query).items():
        name = OPTION_KEYS[key]
        value: Any = written[:LONGEST_OPTION].strip()
        if isinstance(getattr(options, name), bool):
            value = SWITCHED.get(value)
        chosen = replace(options, **{name: value})
        problem = f"'{key}' must be 0 or 1." if value is None else unreadable(chosen).get(name)
        if problem:
            complaints.append(problem)
        else:
            options = chosen
    return options, complaints


def of_options(query: Mapping[str, str]) -> dict[str, str]:
    """What a query says of baselines."""
    return {key: value for key, value in query.items() if key in OPTION_KEYS}


def of_experiment(query: Mapping[str, str]) -> dict[str, str]:
    """A query without what it says of baselines."""
    return {key: value for key, value in query.items() if key not in OPTION_KEYS}


def to_file(experiment: Experiment, options: Options = UNCHOSEN) -> str:
    """The Experiment as JSON, and what was chosen about its baselines as a link says it."""
    held: dict[str, Any] = {"bptt": FILE_VERSION, "experiment": experiment.to_dict()}
    if chosen := write_options(options):
        held["baselines"] = chosen
    return json.dumps(held, ensure_ascii=False, indent=2) + "\n"


def from_file(content: bytes, catalogue: Catalogue) -> tuple[Experiment, Options]:
    """The Experiment of a file and its baselines; `InvalidExperiment` with one sentence for a file that holds none."""
    if len(content) > MOST_FILE_BYTES:
        raise InvalidExperiment({"file": f"The file has {len(content):,} bytes; an experiment has at most {MOST_FILE_BYTES:,}."})
    try:
        held = json.loads(content.decode("utf-8"))
        version, fields, chosen = held["bptt"], held["experiment"], held.get("baselines", {})
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InvalidExperiment(
            {"file": "This is not an experiment file: it must be JSON with 'bptt' and 'experiment', as 'Download experiment' writes it."}
        ) from None
    if version != FILE_VERSION or not isinstance(fields, dict):
        raise InvalidExperiment({"file": f"This experiment file is not of version {FILE_VERSION}, the one that is read here."})
    experiment = Experiment.from_dict(fields)
    catalogue.check(experiment)
    if not isinstance(chosen, dict) or not all(isinstance(value, str) for value in chosen.values()):
        raise InvalidExperiment({"file": "The file's 'baselines' must be texts by their names, as 'Download experiment' writes them."})
    options, complaints = read_options(chosen)
    if complaints:
        raise InvalidExperiment({"file": " ".join(complaints)})
    return experiment, options


def _pack(text: str) -> str | None:
    packed = zlib.compress(text.encode("utf-8", "surrogatepass"), 9)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=") if len(packed) <= MOST_PACKED_BYTES else None


def _unpack(name: str, packed: str) -> str:
    label = SPECS[name].label
    if packed == IN_A_FILE:
        raise InvalidExperiment({name: f"{label} too long for a link travel as an experiment file: open the one that came with this link."})
    try:
        if len(packed) > 2 * MOST_PACKED_BYTES:
            raise ValueError
        unpacking = zlib.decompressobj()
        most = 4 * limits.TEXT_CHARACTERS + 1  # bytes of UTF-8
        text = unpacking.decompress(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), most)
        if not unpacking.eof:
            raise ValueError
        return text.decode("utf-8")
    except (ValueError, binascii.Error, zlib.error):
        raise InvalidExperiment({name: f"{label}: the link's text is damaged."}) from None
