"""What the numbers say: procedures, paired differences, learning curves, the treeline, the verdict and its words.

Pure functions on plain arrays; numpy, scipy, `treeline.problem` and `treeline.errors` only. Nothing here knows a model, a
file or a clock, so an auditor can run it on published scores. What fits, reads or draws lives elsewhere.
"""
