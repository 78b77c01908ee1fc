"""What the user gets: the bundle, the runtime that predicts from it, and files of predictions.

Nothing here trains. The runtime imports a learner's library only when a member of the bundle needs it.
"""
