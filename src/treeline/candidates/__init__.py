"""Who competes: one card per contestant, the protocols they keep, and the features they share.

`classical/` and `deep/` hold one module per kind of contestant. Modules import their heavy library inside
functions, so that listing the cards, or predicting with one model, loads no other.
"""
