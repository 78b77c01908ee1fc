"""Candidates that behave as badly as real ones may; found by workers through the entry point of this folder."""

import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from treeline.candidates.card import Card
from treeline.problem.task import Family, Task


class Mean:
    def __init__(self, value):
        self.value = np.asarray(value, dtype=np.float64)

    def predict(self, rows):
        # A little signal from the first number, so that models differ from a constant.
        x = np.nan_to_num(rows.num[:, 0].astype(np.float64)) if rows.num.shape[1] else np.zeros(len(rows))
        if rows.shape.task is Task.MULTICLASS:
            return np.tile(self.value, (len(rows), 1))
        if rows.shape.task is Task.BINARY:
            return 1 / (1 + np.exp(-x))
        return self.value + x

    def state(self):
        return {"value": np.atleast_1d(self.value)}, {}


class Steady:
    pause = 0.0

    def fit(self, folds, params, *, clock, seed):
        fitted = []
        for fold in folds:
            time.sleep(self.pause)
            self.before(fold)
            y = fold.train.target
            shape = fold.train.shape
            value = np.bincount(y, minlength=shape.n_classes) / len(y) if shape.task is Task.MULTICLASS else y.mean()
            model = Mean(value)
            if fold.watch is not None:
                fold.watch.see(1, model.predict(fold.watch.rows))
            fitted.append(model)
        return fitted

    def before(self, fold):
        pass

    def restore(self, arrays, meta):
        return Mean(arrays["value"] if len(arrays["value"]) > 1 else arrays["value"][0])


class Patient(Steady):
    pause = 0.3


class Crashing(Steady):
    def before(self, fold):
        ctypes.string_at(0)


class Raising(Steady):
    def before(self, fold):
        raise ValueError("the moon is\nin the wrong house")


class Asleep(Steady):
    def before(self, fold):
        time.sleep(600)


class Parental(Steady):
    def before(self, fold):
        subprocess.run(["sleep", "600"], check=False)


class Endless(Steady):
    def before(self, fold):
        ctypes.pythonapi.PyGILState_Ensure.restype = ctypes.c_int
        libc = ctypes.PyDLL(None)  # keeps the GIL: no Python signal handler can run
        while True:
            libc.usleep(900_000)


class Hungry(Steady):
    def before(self, fold):
        held = []
        while True:
            held.append(np.ones(16_000_000))
            time.sleep(0.02)


class Undefined(Steady):
    def fit(self, folds, params, *, clock, seed):
        fitted = super().fit(folds, params, clock=clock, seed=seed)
        for fold in folds:
            fold.watch.see(2, np.full(len(fold.watch.rows), np.nan))
            fold.watch._kept[0][:] = np.nan
        return fitted


class Noisy(Steady):
    def before(self, fold):
        for _ in range(3000):
            os.write(1, b"x" * 1000)
        sys.stderr.write("y" * 100_000)
        Path("litter.txt").write_text("in the private folder")


def card(name, kind, family=Family.CLASSICAL, **more):
    return Card(
        name=name, title=name.title(), family=family, build=f"stubs:{kind}", paper="none", licence="none", **more
    )


STEADY = card("steady", "Steady")
PATIENT = card("patient", "Patient", Family.DEEP, batched=True)
CRASHING = card("crashing", "Crashing")
RAISING = card("raising", "Raising")
ENDLESS = card("endless", "Endless")
HUNGRY = card("hungry", "Hungry")
UNDEFINED = card("undefined", "Undefined")
NOISY = card("noisy", "Noisy")
ASLEEP = card("asleep", "Asleep", Family.DEEP)
PARENTAL = card("parental", "Parental", Family.DEEP)
