"""One thread for the linear algebra of the fits, as in the processes that fit for the dashboard: matrices are small, threads only wait."""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
