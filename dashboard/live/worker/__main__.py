"""A worker process.  It ends with its standard input: no server, no worker."""

from __future__ import annotations

from dashboard.live.child import pipes
from dashboard.live.settings import Settings


def main() -> None:
    """Serve the process that started this one."""
    settings = Settings.from_environment()
    with pipes("worker", settings.niceness) as (inbox, send):
        from dashboard.live.worker.turns import Turns

        turns = Turns(inbox, send, settings)
        turns.warm_up()
        turns.serve()


if __name__ == "__main__":
    main()
