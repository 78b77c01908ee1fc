"""What is asked: the task, the metric and its margin, the budget and the seed.

Frozen facts only. Nothing here reads data, fits a model or imports anything heavier than numpy.
"""
