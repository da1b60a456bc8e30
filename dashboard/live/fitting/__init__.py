"""The process in which baselines are fitted: `python -m dashboard.live.fitting`, spoken to through its standard input and output (`pipe`).

It is no trainer: it stands back behind all of them, is started when something is to be fitted, and ends when nothing has been for a while.
"""
