"""The states of a run, and its status line in words."""

from __future__ import annotations

READY, TRAINING, PAUSED, STOPPED, RESTARTING, GONE = "ready", "training", "paused", "stopped", "restarting", "gone"
"""`ready` has never been played, `stopped` stopped by itself (it exploded), `restarting` has lost its worker and gets another."""


def status(
    state: str, iteration: int, loss: float, norm_before: float, norm_after: float, share_clipped: float, *, ahead: bool = False
) -> str:
    """For example "training · iteration 412 · loss 0.83 · gradient 3.1 → clipped to 1".

    ahead: the numbers are what the next iteration would see.
    """
    clipped = f" → clipped to {norm_after:.3g}" if norm_after != norm_before else ""
    share = f" ({share_clipped:.0%} of its entries)" if share_clipped else ""
    whose = "next one: " if ahead else ""
    return f"{state} · iteration {iteration:,} · {whose}loss {loss:.3g} · gradient {norm_before:.3g}{clipped}{share}"


def exploded(end: str, kept: int, tries: int) -> str:
    """What ended a run, what is left of it, and the ways out; `tries` counts how often it came to just that end."""
    again = f" ({tries} times now)" if tries > 1 else ""
    return f"{end}{again} · the weights after {kept:,} updates are kept: clip, or lower the learning rate, and play; or restart (R)"
