"""Treeline measures classical machine learning against deep learning on your own data."""

__version__ = "0.1.0"
