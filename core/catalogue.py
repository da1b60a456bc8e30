"""The catalogue: what can be chosen, with its words, as plain values.

Registries live beside the code they name, and that code needs torch.  A process without torch (the web server) gets this catalogue from
one that has it, and makes forms and checks Experiments from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.experiment import DEFAULTS, SPECS, Experiment, InvalidExperiment, quoted


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a registry: its words, the fields of Experiment (`options`) that it reads beside the common ones, and the values that
    other fields usually have with it (`suits`), which are offered with no other member."""

    label: str
    help: str
    options: tuple[str, ...] = ()
    suits: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Registry name -> member name -> Member, for each registry that a field of Experiment names."""

    registries: Mapping[str, Mapping[str, Member]]

    @classmethod
    def here(cls) -> Catalogue:
        """The catalogue of this process's registries (imports torch)."""
        from core.attention import ATTENTIONS
        from core.cells import CELLS
        from core.clipping import CLIPS
        from core.model import INITIALISATIONS
        from core.models import MODELS
        from core.optimisers import OPTIMISERS
        from core.series import SCALINGS, SERIES
        from core.tasks import TASKS
        from core.truncation import TRUNCATIONS

        registries: dict[str, Mapping[str, Any]] = {
            "TASKS": TASKS,
            "SERIES": SERIES,
            "SCALINGS": SCALINGS,
            "MODELS": MODELS,
            "CELLS": CELLS,
            "ATTENTIONS": ATTENTIONS,
            "INITIALISATIONS": INITIALISATIONS,
            "TRUNCATIONS": TRUNCATIONS,
            "CLIPS": CLIPS,
            "OPTIMISERS": OPTIMISERS,
        }
        return cls(
            {
                registry: {name: Member(m.label, m.help, tuple(m.options), dict(getattr(m, "suits", {}))) for name, m in members.items()}
                for registry, members in registries.items()
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {registry: {name: asdict(m) for name, m in members.items()} for registry, members in self.registries.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Catalogue:
        """The inverse of `to_dict`."""
        return cls(
            {
                registry: {name: Member(m["label"], m["help"], tuple(m["options"]), m["suits"]) for name, m in members.items()}
                for registry, members in values.items()
            }
        )

    def members(self, field: str) -> Mapping[str, Member]:
        """The members that a field may name; empty for a field without a registry."""
        choices = SPECS[field].choices
        return self.registries[choices] if isinstance(choices, str) else {}

    def check(self, experiment: Experiment) -> None:
        """Raise `InvalidExperiment` where a field names no member of its registry."""
        problems = {}
        for field, spec in SPECS.items():
            members = self.members(field)
            if members and getattr(experiment, field) not in members:
                problems[field] = f"{spec.label} must be one of {', '.join(members)}, not {quoted(getattr(experiment, field))}."
        if problems:
            raise InvalidExperiment(problems)

    def matters(self, experiment: Experiment, field: str) -> bool:
        """Whether this field has any effect in this experiment: common fields always, options when a chosen member reads them.

        A choice that is itself an option (which series, of the tasks that read one) counts only when it matters.
        """
        if not SPECS[field].option:
            return True
        return any(field in self._chosen(experiment, name).options and self.matters(experiment, name) for name in SPECS)

    def offered(self, experiment: Experiment, field: str) -> Mapping[str, Member]:
        """The members to choose from: of those that suit one choice alone, only those that suit this experiment."""
        bound = {member.suits.get(field) for choice in SPECS for member in self.members(choice).values()}
        fitting = {self._chosen(experiment, choice).suits.get(field) for choice in SPECS} | {getattr(experiment, field)}
        return {name: member for name, member in self.members(field).items() if name not in bound - fitting}

    def together(self, experiment: Experiment, typed: Mapping[str, str]) -> Mapping[str, str]:
        """What was typed, with what suits it: a choice brings its own companions, and takes them along when it goes."""
        more: dict[str, str] = {}
        for field, text in typed.items():
            before, after = self._chosen(experiment, field), self.members(field).get(text)
            if after is None or before == after:
                continue
            more |= {name: DEFAULTS[name] for name, own in before.suits.items() if getattr(experiment, name) == own}
            more |= dict(after.suits)
        return more | dict(typed)

    def subjects(self, experiment: Experiment) -> tuple[str, ...]:
        """What words about an experiment may be about: its model, its task and, where the task makes its sequences by a rule, "drawn"."""
        drawn = () if self.matters(experiment, "text") or self.matters(experiment, "series") else ("drawn",)
        return (experiment.model, experiment.task, *drawn)

    def _chosen(self, experiment: Experiment, field: str) -> Member:
        """The member that a field names; one without options where it names none."""
        return self.members(field).get(getattr(experiment, field)) or Member("", "")
