"""From the ledger to the seven dimensions and the looks of a race, on a small run."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import treeline
from treeline.contest.blend import standings
from treeline.contest.cache import Cache
from treeline.contest.ledger import Ledger
from treeline.contest.looks import Looks
from treeline.contest.roster import probes_of
from treeline.contest.trial import Entry
from treeline.errors import IntegrityError
from treeline.problem.problem import Problem
from treeline.problem.task import Family


def test_all_seven_dimensions_are_there_with_their_odds(run):
    verdict = json.loads((run / "verdict.json").read_text())
    found = {one["name"]: one for one in verdict["dimensions"]}
    assert list(found) == ["data", "compute", "engineering", "time", "accuracy", "scalability", "interpretability"]
    for one in found.values():
        assert one["words"]
        if one["odds"]:
            assert sum(one["odds"].values()) == pytest.approx(1, abs=1e-6)
            assert set(one["sides"]) == {"classical", "deep"}
    assert found["compute"]["odds"]
    assert found["accuracy"]["odds"]
    told = found["engineering"]
    assert told["odds"] or "no time" in told["words"]  # a busy machine may cut one of the two fits
    side = found["compute"]["sides"]["deep"]["detail"]
    assert side["money"] == pytest.approx(side["all_cpu_s"] / 3600 * 0.5)


def test_probes_are_shown_nowhere_as_contenders(run):
    verdict = json.loads((run / "verdict.json").read_text())
    ledger = Ledger(run)
    probes = probes_of(ledger)
    assert {entry.of for entry in probes.values()} == {"lightgbm", "mlp"}
    assert {trial.entry for trial in ledger.done()} >= set(probes)
    assert not [row for row in verdict["leaderboard"] if row["name"] in probes]
    assert not [row for row in verdict["delivered"]["members"] if row["name"] in probes]


def test_the_prior_is_kept_and_checked_against_the_data(run):
    verdict = json.loads((run / "verdict.json").read_text())
    assert 0.2 <= verdict["prior"]["p_deep"] <= 0.8
    assert verdict["prior"]["agreed"] in (True, False, None)
    assert "Before training" in verdict["prior"]["words"]
    assert Ledger(run).head["prior"]["reasons"]


def test_the_sample_of_inputs_is_of_held_out_rows(run):
    ledger = Ledger(run)
    sample, rows = ledger.sample(), ledger.rows()
    assert (rows["fold"][sample["index"]] >= 0).all()
    assert sample["inputs"].shape == (len(sample["index"]), len(sample["names"]))
    assert set(sample["names"]) == {"months", "fee", "plan"}


def test_looks_are_taken_once_for_each_new_fold_from_the_third_on(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    ledger = Ledger(tmp_path / "run", write=True)
    ledger.facts = [fact for fact in ledger.facts if fact["fact"] != "look"]
    top = {
        family: max((one for one in standings(ledger) if one.family is family), key=lambda one: one.reach)
        for family in Family
    }
    width = min(one.reach for one in top.values())
    assert width >= 3

    class Ladder:
        folds = 5

    Ladder.entries = {
        family: (Entry(name=one.name, candidate=one.name, family=family, params={}),) for family, one in top.items()
    }
    problem = Problem.from_json(ledger.head["problem"])
    looks = Looks(ledger, problem, Ladder())
    assert looks.taken == 0
    looks()
    assert looks.taken == width
    again = Looks(ledger, problem, Ladder())  # as a resumed run has it
    assert again() is None
    assert len(ledger.of_kind("look")) == 1
    ledger.facts = [fact for fact in ledger.facts if fact["fact"] != "look"]
    late = Entry(name="tabm", candidate="tabm", family=Family.DEEP, params={})
    Ladder.entries[Family.DEEP] = (*Ladder.entries[Family.DEEP], late)
    assert looks() is None
    assert looks.taken == 0  # nobody is left behind before its first wave was judged
    ledger.close()


def test_plain_rows_hold_nothing_derived(tmp_path):
    from treeline.candidates.card import Shape
    from treeline.problem.metric import METRICS
    from treeline.problem.task import Task

    shape = Shape(
        task=Task.REGRESSION, n_classes=0, metric=METRICS["root_mean_squared_error"], num_names=("a", "a: derived"),
        cat_names=("c",), cards=(4,),
    )  # fmt: skip
    arrays = {
        "num": np.array([[1, 10], [2, 20]], dtype=np.float32), "cat": np.array([[0], [3]], dtype=np.int32),
        "y": np.zeros(2), "half": np.zeros(2, dtype=np.int8),
    }  # fmt: skip
    cache = Cache.write(tmp_path, arrays, shape=shape, plain=(0,))
    rows = cache.plain(cache.every())
    assert rows.shape.num_names == ("a", "c")
    assert rows.num[:, 0].tolist() == [1, 2]
    assert np.isnan(rows.num[0, 1])  # a missing category stays missing
    assert rows.num[1, 1] == 3
    assert rows.cat.shape == (2, 0)


def test_who_memorises_its_training_rows_says_so_on_its_card():
    from treeline.candidates.registry import cards

    assert {name for name, card in cards().items() if card.memorises} == {
        "random_forest", "extra_trees", "neighbours", "image_neighbours", "sound_forest", "tabicl", "tabpfn",
    }  # fmt: skip


def copied(run, tmp_path):
    import shutil

    return shutil.copytree(run, tmp_path / "copy")


def test_a_line_taken_out_of_the_ledger_is_noticed(run, tmp_path):
    copy = copied(run, tmp_path)
    path = copy / "ledger" / "facts.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:5] + lines[6:]))
    with pytest.raises(IntegrityError, match=r"facts\.jsonl:6"):
        Ledger(copy)


def test_changed_predictions_are_noticed(run, tmp_path):
    copy = copied(run, tmp_path)
    ledger = Ledger(copy)
    trial = next(trial for trial in ledger.done() if trial.rung == 1.0)
    path = copy / "ledger" / "preds" / f"{trial.id}.npy"
    np.save(path, np.zeros_like(ledger.predictions(trial)))
    with pytest.raises(IntegrityError, match="changed"):
        Ledger(copy).predictions(trial)
    path.write_bytes(b"junk")
    with pytest.raises(IntegrityError):
        Ledger(copy).predictions(trial)


@pytest.mark.parametrize("name", ["rows.npz", "sample.npz", "features.safetensors"])
def test_damaged_files_of_a_run_are_one_clear_line(run, tmp_path, name):
    copy = copied(run, tmp_path)
    (copy / "ledger" / name).write_bytes(b"junk")
    with pytest.raises(IntegrityError, match="damaged"):
        treeline.api.report(copy)
