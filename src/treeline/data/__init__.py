"""What is known: typed columns, readers, splits and audit findings.

Reads files and frames into a `Dataset`, says what is wrong with it, and infers a `Problem` from it.
Nothing here knows a model.
"""
