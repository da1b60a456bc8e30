"""The laboratory's pages: what stands on each of them."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.views.lab import clipping, estimators, truncation, vanishing
from dashboard.views.lab.frame import Contents

LAB: Mapping[str, Contents] = {
    "truncation": Contents(truncation.panel),
    "vanishing": Contents(vanishing.panel),
    "clipping": Contents(clipping.panel, of_present=False),
    "estimators": Contents(estimators.panel),
}
"""Page (its path in the address) -> what it is made of; its words are `lab.<page>` in assets/texts."""
