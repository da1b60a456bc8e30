"""The laboratory's pages: what stands on each of them."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.views.lab import clipping, estimators, truncation, vanishing
from dashboard.views.lab.frame import Panel

LAB: Mapping[str, Panel] = {
    "truncation": truncation.panel,
    "vanishing": vanishing.panel,
    "clipping": clipping.panel,
    "estimators": estimators.panel,
}
"""Page (its path in the address) -> its panel; its words are `lab.<page>` in assets/texts."""
