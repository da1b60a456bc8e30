"""Experiment: everything that decides a run, as one frozen, validated value.

Each field carries what a form, an address and a sentence of complaint need: a label, a line of help, bounds or choices, and whether
it can change while the run goes on.  Nothing here imports torch: the web process makes Experiments too.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from core import limits
from core.truncation import TRUNCATIONS

LONGEST_QUOTE = 40
"""Characters of what was typed that a sentence of complaint shows."""

DEFAULT_TEXT = """The quick brown fox jumps over the lazy dog
She sells seashells by the seashore
He buys tickets to the concert"""


class InvalidExperiment(ValueError):
    """One clear sentence for each field at fault, in `problems` (field name -> sentence)."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__(" ".join(self.problems.values()))


@dataclass(frozen=True, slots=True)
class Spec:
    """What is known of one field of an Experiment beside its value.

    choices: the allowed names, or the name of the registry that holds them ("CELLS").
    live: the run goes on with its weights when this changes; otherwise a change starts it again.
    option: the field matters only while a chosen registry member lists it in its `options`.
    """

    label: str
    help: str
    group: str
    key: str
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    logarithmic: bool = False
    choices: tuple[str, ...] | str | None = None
    live: bool = False
    option: bool = False
    multiline: bool = False


def _field(default: Any, label: str, help: str, group: str, key: str, **more: Any) -> Any:
    return dataclasses.field(default=default, metadata={"spec": Spec(label, help, group, key, **more)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What to run.  Fields out of bounds raise `InvalidExperiment` with one sentence each.

    Names of registry members (`task`, `series`, `scaling`, `model`, `cell`, `attention`, ...) are
    checked against the registries by `core.catalogue.Catalogue.check`, which needs the registries, and thus torch, or a catalogue that a
    worker sent.
    """

    task: str = _field("sentences", "Task", "What the network has to learn.", "Task", "task", choices="TASKS")
    text: str = _field(
        DEFAULT_TEXT,
        "Sentences",
        "One sentence a line. The network learns to predict each next token.",
        "Task",
        "text",
        multiline=True,
        option=True,
        maximum=limits.TEXT_CHARACTERS,
    )
    tokens: str = _field(
        "word", "Tokens", "What one step reads: a word or a character.", "Task", "tok", choices=("word", "character"), option=True
    )

    series: str = _field(
        "airline", "Series", "The numbers over time that the network learns to continue.", "Task", "s", choices="SERIES", option=True
    )
    values: str = _field(
        "",
        "Values",
        "One point a line, or numbers apart by spaces; several columns are apart by commas.",
        "Task",
        "v",
        multiline=True,
        option=True,
        maximum=limits.VALUES_CHARACTERS,
    )
    points: int = _field(
        240, "Points", "How long the made series is.", "Task", "n", minimum=40, maximum=limits.SERIES_POINTS, step=20, option=True
    )
    season: int = _field(
        0,
        "Season",
        "Steps after which a pattern returns; 0 is what the series says of itself.",
        "Task",
        "m",
        minimum=0,
        maximum=limits.SEASON,
        option=True,
    )
    noise: float = _field(
        0.1,
        "Noise",
        "Standard deviation of what is added to each point of the made series, whose own size is about 1.",
        "Task",
        "noise",
        minimum=0.0,
        maximum=limits.NOISE,
        step=0.1,
        option=True,
    )
    window: int = _field(
        24, "Window", "Steps that the network reads in one sequence.", "Task", "w", minimum=2, maximum=limits.STEPS, option=True
    )
    stride: int = _field(
        0,
        "Stride",
        "Steps from one sequence to the next; 0 lets sequences overlap by half, or as much as there is room for.",
        "Task",
        "stride",
        minimum=0,
        maximum=limits.SERIES_POINTS,
        option=True,
    )
    horizon: int = _field(
        1, "Horizon", "Steps that are forecast from one origin.", "Task", "hor", minimum=1, maximum=limits.HORIZON, option=True
    )
    answer: str = _field(
        "every",
        "Answer at",
        "Predict after every step of a sequence, or only after its last.",
        "Task",
        "ans",
        choices=("every", "last"),
        option=True,
    )
    rollout: str = _field(
        "free",
        "Beyond one step",
        "A forecast of several steps reads its own predictions (free) or the true values (forced).",
        "Task",
        "roll",
        choices=("free", "forced"),
        live=True,
        option=True,
    )
    validation: float = _field(
        0.15,
        "Validation share",
        "The part of the series after the training part, to choose settings by.",
        "Task",
        "val",
        minimum=0.0,
        maximum=0.4,
        step=0.05,
        option=True,
    )
    test: float = _field(
        0.15, "Test share", "The last part of the series, to judge by.", "Task", "test", minimum=0.05, maximum=0.4, step=0.05, option=True
    )
    scaling: str = _field(
        "standard",
        "Scaling",
        "How values are brought to a size that networks learn well; fitted on the training part.",
        "Task",
        "scale",
        choices="SCALINGS",
        option=True,
    )

    length: int = _field(20, "Length", "Steps of one drawn sequence.", "Task", "len", minimum=2, maximum=limits.STEPS, step=5, option=True)
    items: int = _field(10, "Symbols", "How many symbols are to be kept.", "Task", "items", minimum=1, maximum=limits.ITEMS, option=True)
    delay: int = _field(
        10,
        "Delay",
        "Steps from reading to saying: how long a memory is needed.",
        "Task",
        "delay",
        minimum=1,
        maximum=limits.STEPS,
        option=True,
    )
    examples: int = _field(
        2_000,
        "Examples",
        "Sequences that are drawn to learn from; others are drawn to examine the network.",
        "Task",
        "ex",
        minimum=1,
        maximum=limits.EXAMPLES,
        step=500,
        option=True,
    )

    model: str = _field("recurrent", "Model", "What learns the task.", "Model", "model", choices="MODELS")
    cell: str = _field(
        "lstm", "Cell", "The recurrent unit that carries the state from step to step.", "Model", "cell", choices="CELLS", option=True
    )
    layers: int = _field(
        1,
        "Layers",
        "Cells stacked on top of each other; each reads the states of the one below.",
        "Model",
        "layers",
        minimum=1,
        maximum=limits.LAYERS,
        option=True,
    )
    hidden: int = _field(
        32,
        "Hidden units",
        "Numbers in one hidden state: the size of the memory.",
        "Model",
        "h",
        minimum=1,
        maximum=limits.HIDDEN,
        option=True,
    )
    embedding: int = _field(
        16,
        "Embedding size",
        "Numbers that stand for one token at the input.",
        "Model",
        "e",
        minimum=1,
        maximum=limits.EMBEDDING,
        option=True,
    )
    initialisation: str = _field(
        "uniform",
        "Initial weights",
        "How the recurrent weights start: a lever of vanishing and exploding.",
        "Model",
        "init",
        choices="INITIALISATIONS",
        option=True,
    )
    gain: float = _field(
        1.0,
        "Recurrent gain",
        "Multiplies the initial recurrent weights: above 1 errors live longer, then explode.",
        "Model",
        "gain",
        minimum=0.0,
        maximum=limits.GAIN,
        step=0.1,
        option=True,
    )
    forget_bias: float = _field(
        0.0,
        "Forget bias",
        "Added to the forget gate's bias at the start: larger remembers longer.",
        "Model",
        "fb",
        minimum=-limits.FORGET_BIAS,
        maximum=limits.FORGET_BIAS,
        step=0.5,
        option=True,
    )
    attention: str = _field(
        "none",
        "Attention",
        "Lets each output read past states of the top layer at once: a way for errors beside the recurrence.",
        "Model",
        "att",
        choices="ATTENTIONS",
        option=True,
    )
    heads: int = _field(
        1,
        "Heads",
        "Attentions side by side; each works on its own part of the hidden units.",
        "Model",
        "heads",
        minimum=1,
        maximum=limits.HEADS,
        option=True,
    )

    truncation: str = _field(
        "full", "Truncation", "How far back the loss of a step may send its error.", "Truncation", "trunc", choices="TRUNCATIONS", live=True
    )
    k: int = _field(
        4,
        "K",
        "Steps in one window: the longest lag that is kept is K - 1.",
        "Truncation",
        "k",
        minimum=1,
        maximum=limits.STEPS,
        live=True,
        option=True,
    )
    k1: int = _field(
        2,
        "k1",
        "Steps in a block: a new window opens every k1 steps.",
        "Truncation",
        "k1",
        minimum=1,
        maximum=limits.STEPS,
        live=True,
        option=True,
    )
    k2: int = _field(
        4,
        "k2",
        "Steps a window spans: its losses reach back at most k2 - 1 steps.",
        "Truncation",
        "k2",
        minimum=1,
        maximum=limits.STEPS,
        live=True,
        option=True,
    )
    update_every: str = _field(
        "pass",
        "Update after",
        "One update for the whole pass over all that is read, or one after each block (the usual training loop).",
        "Truncation",
        "upd",
        choices=("pass", "block"),
        live=True,
        option=True,
    )

    clip: str = _field("norm", "Clipping", "Limits the gradient before the update.", "Clipping", "clip", choices="CLIPS", live=True)
    threshold: float = _field(
        1.0,
        "Threshold",
        "The largest norm (or largest entry) that passes unchanged.",
        "Clipping",
        "thr",
        minimum=limits.SMALLEST_THRESHOLD,
        maximum=limits.LARGEST_THRESHOLD,
        logarithmic=True,
        live=True,
        option=True,
    )

    optimiser: str = _field("adam", "Optimiser", "Turns the gradient into an update.", "Optimiser", "opt", choices="OPTIMISERS")
    learning_rate: float = _field(
        0.01,
        "Learning rate",
        "The size of an update.",
        "Optimiser",
        "lr",
        minimum=limits.SMALLEST_RATE,
        maximum=limits.LARGEST_RATE,
        logarithmic=True,
        live=True,
    )
    momentum: float = _field(
        0.9,
        "Momentum",
        "How much of the last update is carried into the next.",
        "Optimiser",
        "mom",
        minimum=0.0,
        maximum=0.999,
        step=0.01,
        live=True,
        option=True,
    )
    weight_decay: float = _field(
        0.0,
        "Weight decay",
        "Pulls every weight towards 0 (added to the gradient after clipping, as torch.optim does).",
        "Optimiser",
        "wd",
        minimum=0.0,
        maximum=1.0,
        step=0.001,
        live=True,
    )
    batch: int = _field(
        0,
        "Sequences per update",
        "Sentences, windows of a series, or drawn sequences. 0 takes all of them, of drawn ones 64; fewer than there are come in an order "
        "shuffled by the seed.",
        "Optimiser",
        "b",
        minimum=0,
        maximum=limits.SENTENCES,
    )

    dtype: str = _field(
        "float64",
        "Precision",
        "float32 is faster, but its smallest gradients become 0.",
        "Numbers",
        "dtype",
        choices=("float64", "float32"),
    )
    seed: int = _field(0, "Seed", "The same seed gives the same numbers.", "Numbers", "seed", minimum=0, maximum=limits.SEED)

    def __post_init__(self) -> None:
        problems = {}
        for name, spec in SPECS.items():
            value, problem = _admit(spec, getattr(self, name), type(DEFAULTS[name]))
            if problem:
                problems[name] = problem
            else:
                object.__setattr__(self, name, value)
        if not problems and self.truncation in TRUNCATIONS:
            problems |= TRUNCATIONS[self.truncation].problems(self)
        if not problems and (self.attention != "none" or self.model == "transformer") and self.hidden % self.heads:
            fitting = ", ".join(str(heads) for heads in range(1, limits.HEADS + 1) if self.hidden % heads == 0)
            problems["heads"] = f"Heads share {self.hidden} hidden units evenly: there may be {fitting}, not {self.heads}."
        if problems:
            raise InvalidExperiment(problems)

    @property
    def answers_last(self) -> bool:
        """Whether nothing is asked before the last step of a sequence."""
        return self.task in ("adding", "order") or (self.task == "series" and self.answer == "last")

    @property
    def attends(self) -> bool:
        """Whether the network has a recurrence and attention over its past states."""
        return self.model == "recurrent" and self.attention != "none"

    def to_dict(self) -> dict[str, Any]:
        """All fields, plain values, ready for JSON."""
        return {name: getattr(self, name) for name in SPECS}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Experiment:
        """The inverse of `to_dict`; missing fields take their defaults, unknown ones raise `InvalidExperiment`."""
        if unknown := [name for name in values if name not in SPECS]:
            raise InvalidExperiment({str(name): f"{quoted(name)} is not a field of an experiment{_alike(str(name))}" for name in unknown})
        return cls(**values)

    def replace(self, **changes: Any) -> Experiment:
        """A copy with some fields changed."""
        return Experiment.from_dict(self.to_dict() | changes)

    def changes(self, other: Experiment) -> dict[str, Any]:
        """The fields in which `other` differs from this one, with the values of `other`."""
        return {name: getattr(other, name) for name in SPECS if getattr(other, name) != getattr(self, name)}


def can_change_live(names: Any) -> bool:
    """Whether a run goes on with its weights when just these fields change."""
    return all(SPECS[name].live for name in names)


def number(value: float, grouped: bool = False) -> str:
    """A number as people write it, exactly: 0.01, 1000, 0.000001; grouped for a sentence: 1,000,000.  Only the absurd gets an exponent."""
    if value != 0 and not 1e-12 < abs(value) < 1e15:
        return f"{value:.6g}"
    return f"{Decimal(str(value)).normalize():{',' if grouped else ''}f}"


def quoted(value: Any) -> str:
    """What was given, as a sentence of complaint shows it: within quotation marks, and not longer than a line."""
    text = str(value).strip()
    return f"'{text[:LONGEST_QUOTE]}…'" if len(text) > LONGEST_QUOTE else f"'{text}'" if text else "empty"


def _alike(name: str) -> str:
    """The end of the sentence that refuses a name: the fields that may have been meant."""
    alike = get_close_matches(name, SPECS, cutoff=0.7)
    return f"; did you mean {' or '.join(alike)}?" if alike else "."


def _admit(spec: Spec, value: Any, kind: type) -> tuple[Any, str | None]:
    """The value in the field's type, or the sentence that says why it cannot be."""
    if kind is str:
        if not isinstance(value, str):
            return value, f"{spec.label} must be text."
        if isinstance(spec.choices, tuple) and value not in spec.choices:
            return value, f"{spec.label} must be one of {', '.join(spec.choices)}, not {quoted(value)}."
        if spec.multiline and len(value) > (spec.maximum or math.inf):
            return value, f"{spec.label}: {len(value):,} characters are too many; at most {int(spec.maximum or 0):,} are allowed."
        return value, None
    bounds = f"{number(spec.minimum or 0, grouped=True)} to {number(spec.maximum or 0, grouped=True)}"
    wanted = f"{spec.label} must be a {'whole ' if kind is int else ''}number from {bounds}"
    try:
        converted = kind(value)
        float(converted)  # a whole number beyond what a float can be is refused like any text
        if isinstance(value, bool) or (kind is int and converted != value):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        return value, f"{wanted}, not {quoted(value)}."
    if not (spec.minimum or 0) <= converted <= (spec.maximum or math.inf):
        return value, f"{wanted}, not {number(converted, grouped=True) if math.isfinite(converted) else converted}."
    return converted, None


SPECS: Mapping[str, Spec] = {f.name: f.metadata["spec"] for f in dataclasses.fields(Experiment)}
DEFAULTS: Mapping[str, Any] = {f.name: f.default for f in dataclasses.fields(Experiment) if f.default is not MISSING}
