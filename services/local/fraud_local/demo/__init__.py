"""The demo: the whole pipeline on one machine, held against the truth that only the simulator knows.

A transaction's way: `feed` produces it and tells what it really is, the detector's process decides it,
`watch` sees the decision arrive, `ledger` matches the two exactly once, and `figures` counts what came of it
for `view`, `sentence` and `report`.
"""
