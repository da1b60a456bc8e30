"""Live runs: trainers in worker processes, their frames on a socket, and `runs`, which page scripts use.

The web process imports no torch: everything that trains is in `worker`, and what it sends are plain values and bytes.
"""
