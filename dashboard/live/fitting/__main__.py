"""A fitting process.  It ends with its standard input."""

from __future__ import annotations

from dashboard.live.child import pipes
from dashboard.live.settings import Settings


def main() -> None:
    """Serve the process that started this one."""
    settings = Settings.from_environment()
    with pipes("fitting", settings.fit_niceness) as (inbox, send):
        from dashboard.live.fitting.fitter import Fitter

        fitter = Fitter(inbox, send, settings)
        fitter.warm_up()
        fitter.serve()


if __name__ == "__main__":
    main()
