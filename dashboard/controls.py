"""Controls: the sidebar's form, made from `core.experiment.SPECS` and the catalogue; a new field or registry member appears by itself.

Numbers are typed as text, so that what cannot be is refused with its bound instead of being silently replaced.  A refused value stays in
its field as a draft, and the run goes on with what it has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import streamlit as st

from core.catalogue import Catalogue, Member
from core.experiment import DEFAULTS, SPECS, Experiment, InvalidExperiment
from core.tokens import label
from core.truncation import TRUNCATIONS
from dashboard import own_series, session, windows
from dashboard.address import as_text, from_text
from dashboard.examples import EXAMPLES
from dashboard.form import Change, folded
from dashboard.session import Session
from dashboard.texts import Texts, literal

ALWAYS = (
    "task",
    "text",
    "tokens",
    "series",
    "values",
    "window",
    "horizon",
    "length",
    "items",
    "delay",
    "model",
    "cell",
    "attention",
    "truncation",
    "k",
    "k1",
    "k2",
    "clip",
    "threshold",
    "learning_rate",
)
"""Fields that stand in the open; the others wait in their group's expander."""

ROW = 34
"""Characters that fit into one row of buttons; a longer choice is a list."""

NAMED = 3
"""Fields that an expander names."""

LIVE, RESTARTS = ":material/bolt:", ":material/restart_alt:"


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of what was typed: the experiment that holds now, the drafts that stay, and the sentence for each field at fault."""

    experiment: Experiment
    drafts: dict[str, str]
    problems: dict[str, str]


def settle(experiment: Experiment, drafts: Mapping[str, str], accept: Callable[[Experiment], None]) -> Settled:
    """Apply as much of the drafts as holds together.

    accept: makes the run run an experiment, or raises `InvalidExperiment`.  A draft at fault does not hold back the others; where the
    fault is with a field that was not typed now (k2, when a k1 above it is typed), the drafts of its group wait until it is mended, and
    where there are none, all do.
    """
    typed = {name: text for name, text in drafts.items() if from_text(name, text) != getattr(experiment, name)}
    pending, problems = dict(typed), dict[str, str]()
    while pending:
        try:
            candidate = experiment.replace(**{name: from_text(name, text) for name, text in pending.items()})
            accept(candidate)
        except InvalidExperiment as invalid:
            problems = invalid.problems | problems  # what is left may be at fault for want of what was refused
            groups = {SPECS[name].group for name in invalid.problems}
            at_fault = pending.keys() & invalid.problems.keys() or {name for name in pending if SPECS[name].group in groups}
            if not at_fault:
                break
            pending = {name: text for name, text in pending.items() if name not in at_fault}
        else:
            return Settled(candidate, {name: text for name, text in typed.items() if name not in pending}, problems)
    return Settled(experiment, typed, problems)


def stepped(name: str, value: float, up: bool) -> float:
    """The next value of a number's buttons: 1, 2, 5, 10, ... on a logarithmic field, otherwise one step, always inside the bounds."""
    spec = SPECS[name]
    low, high = spec.minimum or 0.0, spec.maximum or math.inf
    if spec.logarithmic:
        ladder = [float(f"{digit}e{power}") for power in range(-9, 10) for digit in (1, 2, 5)]
        further = [rung for rung in ladder if (rung > value * (1 + 1e-9) if up else rung < value * (1 - 1e-9))]
        following = (min(further) if up else max(further)) if further else value
    else:
        step = spec.step or 1
        following = round(value + (step if up else -step), 9)
    return min(max(following, low), high)


def draw(held: Session, catalogue: Catalogue, change: Change, say: Texts) -> None:
    """The whole form."""
    description = held.description
    st.caption(f"{LIVE} {say('controls.live')} · {RESTARTS} {say('controls.restarts')}")
    # A field at fault is shown before it matters: a window that was refused because of its K can only be had by mending K.
    shown = [name for name in SPECS if _is_choice(name, catalogue) and (name in held.problems or catalogue.matters(held.experiment, name))]
    for group in dict.fromkeys(SPECS[name].group for name in shown):
        members = [name for name in shown if SPECS[name].group == group]
        st.html(f"<h3 class='group'>{escape(group)}</h3>")
        if "text" in members:
            _examples(held, change, say)
        for name in members:
            if name in ALWAYS:
                _field(name, held, catalogue, change)
                if name == "task":
                    _definition(description, say)
                if name == "text":
                    _vocabulary(description, say)
                if name == "series" and own_series.is_chosen(held):
                    own_series.ways(held, change, say)
        if group == SPECS["truncation"].group:
            _windows(held.experiment, description, say)
        if rest := [name for name in members if name not in ALWAYS]:
            _more(group, rest, held, catalogue, change)


def summary(experiment: Experiment, catalogue: Catalogue) -> None:
    """What runs, for those who cannot change it."""
    rows = []
    for name in ALWAYS[1:]:
        if catalogue.matters(experiment, name):
            value = getattr(experiment, name)
            member = catalogue.members(name).get(value)
            rows.append(f"<dt>{escape(SPECS[name].label)}</dt><dd>{escape(member.label if member else as_text(name, value))}</dd>")
    st.html(f"<dl class='summary'>{''.join(rows)}</dl>")


def typed(held: Session) -> dict[str, str]:
    """What was typed into fields since they were drawn.  Asked at the start of every run: a callback could be stopped half-way."""
    now = {name: session.widget(_key(name, held), shown) or "" for name, shown in held.drawn.items()}
    return {name: text for name, text in now.items() if text != held.drawn[name]}


def _is_choice(name: str, catalogue: Catalogue) -> bool:
    """Whether there is anything to choose: a registry with a single member is no question."""
    return not isinstance(SPECS[name].choices, str) or len(catalogue.members(name)) > 1


def _definition(description: Mapping[str, Any], say: Texts) -> None:
    """How the sequences of a task are drawn, where that was published, and what chance earns."""
    if not description.get("definition"):
        return
    told = [description["definition"]]
    if chance := description["chance"]:
        levels = ", ".join(f"{score} {level:.3g}" for score, level in chance.items())
        told.append(say("controls.chance", levels=levels, guess=description["guess"]))
    words = "".join(f"<p>{escape(line)}</p>" for line in told)
    st.html(f"<details class='definition'><summary>{escape(say('controls.definition'))}</summary>{words}</details>")


def _more(group: str, names: list[str], held: Session, catalogue: Catalogue, change: Change) -> None:
    words = ", ".join(SPECS[name].label.lower() for name in names[:NAMED]).capitalize() + (" …" if len(names) > NAMED else "")
    place = folded(literal(words), f"more {group}", unfold=any(name in held.problems for name in names))
    if place.open:
        with place:
            for name in names:
                _field(name, held, catalogue, change)


def _field(name: str, held: Session, catalogue: Catalogue, change: Change) -> None:
    spec = SPECS[name]
    shown = held.drawn[name] = held.drafts.get(name, as_text(name, getattr(held.experiment, name)))
    if session.widget(_key(name, held)) not in (None, shown):
        # The page itself writes here, into a widget of its own that begins so: a browser that has not yet heard of it still reports what
        # stood there before, which nobody typed.
        held.renewed[name] = held.renewed.get(name, 0) + 1
    heading = literal(spec.label)
    asked: dict[str, Any] = {"key": _key(name, held), "help": literal(spec.help)}
    is_number = spec.choices is None and not spec.multiline
    # Streamlit makes a style class of the container's key: assets/styles/app.css marks live and restarting fields by its last word.
    key = f"field {name} {'live' if spec.live else 'restarts'}"
    side_by_side: dict[str, Any] = {"horizontal": True, "vertical_alignment": "bottom", "gap": "xxsmall"}
    with st.container(key=key, **(side_by_side if is_number else {})):
        if spec.multiline:
            st.text_area(heading, shown, height=132, **asked)
        elif is_number:
            _number(name, heading, shown, held, change, asked)
        else:
            _choice(name, heading, shown, catalogue.offered(held.experiment, name), asked)
        if (problem := held.problems.get(name)) and (name != "values" or not own_series.is_empty(held)):
            if is_number and name in held.drafts and catalogue.matters(held.experiment, name):
                problem += " " + session.texts()("controls.goes_on", value=as_text(name, getattr(held.experiment, name)))
            st.html(f"<p class='problem' role='alert'>{escape(problem)}</p>")  # last, so that nothing moves in its field


def _choice(name: str, heading: str, shown: str, members: Mapping[str, Member], asked: Mapping[str, Any]) -> None:
    choices = SPECS[name].choices
    words = {member: known.label for member, known in members.items()} or {choice: choice for choice in choices or ()}
    if sum(len(word) + 3 for word in words.values()) <= ROW:
        st.segmented_control(
            heading, list(words), default=shown, format_func=lambda choice: literal(words[choice]), required=True, width="stretch", **asked
        )
    else:
        st.selectbox(heading, list(words), list(words).index(shown), format_func=words.__getitem__, **asked)
    if chosen := members.get(shown):
        st.html(f"<p class='aside'>{escape(chosen.help)}</p>")


def _number(name: str, heading: str, shown: str, held: Session, change: Change, asked: Mapping[str, Any]) -> None:
    value = float(getattr(held.experiment, name))
    st.text_input(heading, shown, **asked)
    for up, sign in ((False, "−"), (True, "+")):
        following = stepped(name, value, up)

        def press(up: bool = up) -> None:
            # From the value of now: of two quick presses the second may come before the first is drawn.
            present = stepped(name, float(getattr(held.experiment, name)), up)
            change({name: as_text(name, type(DEFAULTS[name])(present))})

        st.button(sign, key=f"press {name} {sign}", disabled=following == value, help=None, on_click=press)


def _examples(held: Session, change: Change, say: Texts) -> None:
    """The picker; it names the example whose text this is, or 'own sentences', and holds a choice only until it is taken over.

    A picker that stood on the example would have to be moved whenever sentences are typed, and a browser that has not yet heard of that
    reports the old example, which nobody picked.
    """
    found = next((example for example in EXAMPLES if example.text == held.experiment.text and not held.drafts.get("text")), None)
    key = f"example {held.picked}"

    def chosen() -> None:
        picked = next((example for example in EXAMPLES if example.title == session.widget(key)), None)
        if picked:
            held.picked += 1
            change({"text": picked.text, "tokens": picked.tokens})

    with st.container(key="examples"):
        st.selectbox(
            say("controls.examples"),
            [example.title for example in EXAMPLES],
            index=None,
            placeholder=found.title if found else say("controls.own_sentences"),
            key=key,
            on_change=chosen,
        )
    if found:
        st.html(f"<p class='aside'><b>{escape(say('controls.look_for'))}</b> {escape(found.look_for)}</p>")


def _vocabulary(description: Mapping[str, Any], say: Texts) -> None:
    tokens = description["vocabulary"]
    place = folded(say("controls.vocabulary", count=f"{len(tokens):,}"), "vocabulary")
    if place.open:
        chips = "".join(f"<span><b>{number}</b>{escape(label(token))}</span>" for number, token in enumerate(tokens))
        place.html(f"<div class='vocabulary' tabindex='0'>{chips}</div>")


def _windows(experiment: Experiment, description: Mapping[str, Any], say: Texts) -> None:
    """The truncation's windows over the tokens of the first sentence."""
    if not description["sequences"]:
        return
    tokens = description["sequences"][0]["inputs"]
    truncation = TRUNCATIONS[experiment.truncation].of(experiment, description["steps"])
    count = len(truncation.windows(len(tokens)))
    caption = say("controls.windows.one" if count == 1 else "controls.windows.many", count=count)
    st.html(windows.draw(truncation, [label(token) for token in tokens], caption))
    st.html(f"<p class='aside'>{escape(caption)}</p>")


def _key(name: str, held: Session) -> str:
    # Of this visit to this page alone: for a moment after another page was left, its fields still report what stands there, and those of
    # an earlier visit may report what they were before anything stood in them.
    return f"typed {name} {held.renewed.get(name, 0)} {held.page} {held.visits}"
