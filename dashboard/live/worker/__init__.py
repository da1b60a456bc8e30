"""The process in which runs train: `python -m dashboard.live.worker`, spoken to through its standard input and output (`pipe`)."""
