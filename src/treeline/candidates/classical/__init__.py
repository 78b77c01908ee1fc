"""The classical side: one module per kind of learner, each with a tuple `CARDS`; what they share is in `target` and `rounds`.

Modules import numpy alone at the top; the learner's library is imported when it fits or predicts. No nets, no training loop.
"""
