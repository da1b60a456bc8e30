"""Steering: what a page does to its run: open it, change it, exchange it for another one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import parse_qsl, urlencode

from core.baselines import Options
from core.catalogue import Catalogue
from core.experiment import SPECS, Experiment, InvalidExperiment
from dashboard import address, session
from dashboard.controls import settle
from dashboard.live import runs
from dashboard.live.runs import LiveError, RunInfo, RunKeys
from dashboard.session import Session
from dashboard.starts import FIRST
from dashboard.texts import Texts

WATCH = "watch"
"""The key of a link that only watches a run."""


def open_run(held: Session, catalogue: Catalogue, say: Texts) -> None:
    """Give the page a run: the one that its link watches, or a new one of the link's Experiment.  LiveError when there can be none."""
    query = held.link = session.query()
    if watched := query.get(WATCH):
        if info := runs.find(watched):
            held.control, held.watch = None, watched
            _take_options(held, query)
            _show(held, info)
            return
        held.notes.append(say("notes.not_watched"))
    experiment, complaints = address.read(query, catalogue, held.start)
    complaints += _take_options(held, query)
    try:
        keys = runs.create(experiment, session.visitor())
    except InvalidExperiment as invalid:
        complaints += invalid.problems.values()
        experiment, keys = _mended(held, experiment, invalid.problems)
    if complaints:
        held.notes.append(say("notes.link_defaults", problems=" ".join(complaints)))
    held.control, held.watch, held.mended = keys.control, keys.watch, bool(complaints)
    held.experiment, held.changed_live, held.given = experiment, False, False
    describe(held)
    if address.IN_A_FILE not in query.values():  # by that address, a reloaded tab finds its run and its text again
        held.query = _query(held)


def _take_options(held: Session, query: Mapping[str, str]) -> list[str]:
    """Fit the baselines that an address names; one sentence for each choice that cannot be."""
    options, complaints = address.read_options(query)
    _give_options(held, options)
    return complaints


def _give_options(held: Session, options: Options) -> None:
    held.fitting = held.told = held.comparison.options = options


def tell_options(held: Session) -> None:
    """Let the address bar say what was chosen about the baselines, once: later the visitor may have gone back to another address."""
    if held.control is not None and held.told != held.comparison.options:
        held.told = held.comparison.options
        held.query = _query(held)


def _mended(held: Session, experiment: Experiment, at_fault: Collection[str]) -> tuple[Experiment, RunKeys]:
    """A run of what is left of an experiment without these fields, or without their groups: an own series without values is none."""
    groups = {SPECS[name].group for name in at_fault}
    for dropped in (at_fault, [name for name, spec in SPECS.items() if spec.group in groups]):
        kept = {name: value for name, value in experiment.to_dict().items() if name not in dropped}
        try:
            candidate = held.start.replace(**kept)
            return candidate, runs.create(candidate, session.visitor())
        except InvalidExperiment:
            continue
    return held.start, runs.create(held.start, session.visitor())


def renew(held: Session, say: Texts) -> None:
    """A new run of the same Experiment, because the old one has ended; it goes on where the old one was last studied."""
    keys = runs.create(held.experiment, session.visitor())
    held.control, held.watch, held.changed_live, held.given = keys.control, keys.watch, False, False
    if held.kept:
        _go_on(keys.control, held)
    held.notes.append(say("notes.renewed"))
    describe(held)
    held.query = _query(held)


def _go_on(control: str, held: Session) -> None:
    """Restore what was kept, where it is of the same Experiment."""
    try:
        info = runs.restore(control, held.kept)
        if info.experiment != held.experiment:
            runs.change(control, held.experiment)
    except (InvalidExperiment, LiveError):
        held.kept = b""


def reattach(held: Session, control: str, late: bool = False) -> bool:
    """Go on with the run that this tab had before it was reloaded, if that runs what the link says; the new one is closed.

    late: the page's address gets its settings some time after it is shown, or never, so that a bare one may have been loaded again for any
    run.
    """
    if held.watching or held.mended or held.control == control:  # of a mended link, the address says what nobody meant
        return False
    info = runs.find(control)
    if info is None or not info.control:
        return False
    meant = address.write(info.experiment, held.start) in map(address.of_experiment, (held.link, session.query()))
    if not (meant or (late and not held.link)):
        return False
    held.notes.clear()
    new, held.control, held.watch = held.control, control, info.watch
    if new:
        runs.close(new)
    adopt(held, info)
    return True


def follow(held: Session) -> bool:
    """Show what the run has become, which another page may have changed; False when it is there no more."""
    with held.lock:
        info = runs.find(held.run) if held.run else None
        if info is None:
            return False
        held.changed_live, held.given = info.changed_live, info.given
        if info.experiment != held.experiment:
            if held.control is None:
                _show(held, info)
            else:
                adopt_keeping_drafts(held, info)
        return True


def revisit(held: Session, catalogue: Catalogue, search: str, say: Texts) -> bool:
    """Run what an address says to which the visitor went back or forward; False where it does not hold all of its Experiment."""
    query = dict(parse_qsl(search.removeprefix("?"), keep_blank_values=True))
    if held.control is None or WATCH in query or (held.passed and not query):
        return False
    if address.IN_A_FILE in query.values():
        held.query = _query(held)
        return False
    experiment, complaints = address.read(query, catalogue, held.start)
    complaints += _take_options(held, query)
    _exchange(held, experiment)
    if complaints:
        held.notes.append(say("notes.link_defaults", problems=" ".join(complaints)))
    return True


def come_back(held: Session, catalogue: Catalogue, say: Texts) -> None:
    """Show the page's run again, after another page was shown: what its address says by itself, or the run as it was left."""
    query = session.query()
    if held.control is None:
        held.query, held.coming = _watching(held), True
    elif not query:
        held.query, held.passed, held.coming = _query(held), True, True
    elif query != _query(held):
        revisit(held, catalogue, urlencode(query), say)


def adopt(held: Session, info: RunInfo) -> None:
    """Show what a run runs: in the form, and in the address bar."""
    _show(held, info)
    held.query = _query(held)


def change(held: Session, typed: Mapping[str, str]) -> None:
    """Apply what was typed as far as it holds; the rest stays in its fields with a sentence each, and the run goes on."""
    control = held.control
    if control is None:
        return
    last: list[RunInfo] = []
    with held.lock:
        held.notes.clear()
        try:
            meant = runs.catalogue().together(held.experiment, typed)
            settled = settle(held.experiment, held.drafts | dict(meant), lambda experiment: last.append(runs.change(control, experiment)))
        except LiveError as error:
            held.notes.append(str(error))
            return
        held.drafts, held.problems = settled.drafts, settled.problems
        if last:
            adopt_keeping_drafts(held, last[-1])


def adopt_keeping_drafts(held: Session, info: RunInfo) -> None:
    """`adopt`, while refused drafts stay where they are."""
    drafts, problems = held.drafts, held.problems
    adopt(held, info)
    held.drafts, held.problems = drafts, problems


def load_experiment(held: Session, catalogue: Catalogue, content: bytes) -> None:
    """Run the Experiment of a file instead; a file that holds none leaves a sentence at 'file'."""
    held.problems.pop("file", None)
    try:
        experiment, options = address.from_file(content, catalogue)
    except InvalidExperiment as invalid:
        held.problems["file"] = str(invalid)
        return
    _give_options(held, options)
    _exchange(held, experiment)
    held.query = _query(held)
    if held.problems:
        held.problems["file"] = " ".join(held.problems.values())


def reset(held: Session) -> None:
    """Run what the page begins with instead."""
    _give_options(held, address.UNCHOSEN)
    _exchange(held, held.start)
    held.query = _query(held)


def load_checkpoint(held: Session, content: bytes) -> None:
    """Go on from a checkpoint's weights and iteration; a bad file leaves a sentence at 'checkpoint'."""
    held.problems.pop("checkpoint", None)
    if held.control is None:
        return
    try:
        adopt(held, runs.restore(held.control, content))
    except (InvalidExperiment, LiveError) as error:
        held.problems["checkpoint"] = str(error)


def load_weights(held: Session, content: bytes, nonlinearity: str) -> None:
    """Begin again with the weights of a file; a bad one leaves a sentence at 'weights'."""
    held.problems.pop("weights", None)
    if held.control is None:
        return
    try:
        info, found = runs.take_weights(held.control, content, nonlinearity)
    except (InvalidExperiment, LiveError) as error:
        held.problems["weights"] = str(error)
        return
    adopt(held, info)
    held.weights = found


def describe(held: Session) -> None:
    """Ask the server what the experiment's task is made of."""
    held.description = runs.describe(held.experiment)


def link(held: Session, base: str) -> str:
    """The address that starts this page's Experiment from iteration 0."""
    return _link(held, base, _query(held))


def watch_link(held: Session, base: str) -> str:
    """The address at which others watch this very run, without controlling it."""
    return _link(held, base, _watching(held))


def file(held: Session) -> str:
    """This page's Experiment as a file, for which a link may be too short."""
    return address.to_file(held.experiment, _chosen(held))


def _query(held: Session) -> dict[str, str]:
    return address.write(held.experiment, held.start) | address.write_options(_chosen(held))


def _watching(held: Session) -> dict[str, str]:
    return {WATCH: held.watch or ""} | address.write_options(_chosen(held))


def _chosen(held: Session) -> Options:
    """What was chosen about the baselines, which only a series has."""
    return held.comparison.options if held.experiment.task == "series" else address.UNCHOSEN


def _link(held: Session, base: str, query: Mapping[str, str]) -> str:
    # The path of a page ends without a slash, that of the root with one.
    address = base.rstrip("/") + ("/" if held.page == FIRST else "")
    return address + (f"?{urlencode(query)}" if query else "")


def _exchange(held: Session, experiment: Experiment) -> None:
    held.drafts.clear()
    change(held, {name: address.as_text(name, getattr(experiment, name)) for name in SPECS})


def _show(held: Session, info: RunInfo) -> None:
    held.experiment, held.changed_live, held.given = info.experiment, info.changed_live, info.given
    held.drafts, held.problems, held.weights = {}, {}, None
    describe(held)
