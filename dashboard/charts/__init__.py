"""Charts to inspect: one file each, from a Trace to a Plotly figure and a sentence.  No Streamlit here."""

from __future__ import annotations

from dashboard.charts import attention, gates, gradient, hidden_state, lag_matrix, next_tokens, shares, step_losses
from dashboard.charts.picture import Chart, Look, Picture

CHARTS: dict[str, Chart] = {
    "hidden_state": hidden_state.CHART,
    "gates": gates.CHART,
    "gradient": gradient.CHART,
    "lag_matrix": lag_matrix.CHART,
    "attention": attention.CHART,
    "shares": shares.CHART,
    "step_losses": step_losses.CHART,
    "next_tokens": next_tokens.CHART,
}
"""The charts of one Trace, in the order in which a page shows them.  `history` draws the whole run instead and stands apart."""

__all__ = ["CHARTS", "Chart", "Look", "Picture"]
