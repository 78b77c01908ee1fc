"""For outsiders: the conformance suite that every candidate passes, and worlds whose true winner is known.

What is here may be imported by other packages' tests; nothing in the package itself imports it.
"""
