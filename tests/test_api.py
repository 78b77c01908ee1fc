"""The whole road on small tables, through the public face."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import polars as pl
import pytest

import treeline
from treeline.api import report
from treeline.contest.ledger import Ledger
from treeline.contest.result import conclude
from treeline.errors import BudgetError, DataError, IntegrityError, SetupError, UsageError

from .worlds import churn_csv, price_csv

QUICK = {"candidates": "lightgbm,mlp", "time_limit": "20s", "progress": "quiet"}


@pytest.fixture(scope="module")
def churn(tmp_path_factory):
    """A finished run on the churn table."""
    folder = tmp_path_factory.mktemp("churn")
    began = time.monotonic()
    study = treeline.run(churn_csv(folder / "churn.csv"), target="churn", out=folder / "run", **QUICK)
    return study, folder, time.monotonic() - began


def test_the_verdict_holds_what_is_promised(churn):
    verdict = json.loads((churn[0].out / "verdict.json").read_text())
    assert verdict["call"] in ("CLASSICAL", "DEEP", "BOTH", "EQUIVALENT", "UNDECIDED")
    assert verdict["metric"] == "roc_auc"
    for family in ("classical", "deep"):
        side = verdict["families"][family]
        low, high = side["interval"]
        assert low < side["score"] < high
        assert side["best"]
    difference = verdict["difference"]
    assert difference["interval"][0] <= difference["estimate"] <= difference["interval"][1]
    assert difference["p_better"] + difference["p_same"] + difference["p_worse"] == pytest.approx(1, abs=1e-6)
    assert verdict["budget"]["limit_s"] == 20
    assert 0 < verdict["budget"]["used_s"] <= 20 * 1.05 + 5
    assert verdict["rows"] == 400
    assert "treeline" in verdict
    assert verdict["diagnosis"]["helps"] in (
        "rows",
        "features",
        "labels",
        "regularisation",
        "time",
        "nothing",
        "unknown",
    )
    assert verdict["diagnosis"]["sides"]["deep"]["train"] > 0.5
    assert any(finding["code"] == "D003" for finding in verdict["findings"])


def test_the_limit_is_kept(churn):
    assert churn[2] <= 20 * 1.05 + 5


def test_the_model_predicts_frames_and_files_alike(churn):
    study, folder, _ = churn
    frame = pl.read_csv(folder / "churn.csv")
    labels = study.model.predict(frame.to_pandas())
    proba = study.model.predict_proba(frame)
    assert set(labels) == {"yes", "no"}
    assert proba.shape == (400, 2)
    truth = (frame["churn"] == "yes").to_numpy()
    assert np.mean((labels == "yes") == truth) > 0.75
    notes = treeline.predict(study.out, str(folder / "churn.csv"), folder / "new.csv")
    written = pl.read_csv(folder / "new.csv")
    assert written.columns == ["prediction", "proba_no", "proba_yes"]
    assert written["prediction"].to_list() == list(labels)
    assert any("400 rows predicted" in note for note in notes)


def test_the_delivered_model_was_not_chosen_by_luck(churn):
    board = churn[0].leaderboard()
    assert set(board.columns) >= {"name", "family", "score", "low", "high", "weight", "state"}
    assert board.filter(pl.col("weight") > 0)["weight"].sum() == pytest.approx(1)
    assert board.filter(pl.col("name") == "baseline")["score"][0] == pytest.approx(0.5)


def test_the_verdict_is_a_pure_function_of_the_ledger(churn):
    once, twice = (conclude(Ledger(churn[0].out)).verdict for _ in range(2))
    assert json.dumps(once, default=str) == json.dumps(twice, default=str)
    assert once["difference"] == churn[0].verdict["difference"]


def test_the_report_is_rendered_again_from_the_ledger(churn):
    study = churn[0]
    before = study.report.read_text()
    study.report.unlink()
    assert report(study.out) == study.report
    assert re.sub(r"\s+", " ", study.report.read_text()) == re.sub(r"\s+", " ", before)


def test_a_finished_run_is_told_again_without_a_fit(churn):
    study, folder, _ = churn
    before = (study.out / "ledger" / "facts.jsonl").read_bytes()
    again = treeline.run(folder / "churn.csv", target="churn", out=study.out, **QUICK)
    assert (study.out / "ledger" / "facts.jsonl").read_bytes() == before
    assert again.verdict["call"] == study.verdict["call"]


def test_other_prices_are_another_bill_and_no_fit(churn):
    study, folder, _ = churn

    def bill():
        (found,) = [one for one in study.verdict["dimensions"] if one["name"] == "compute"]
        return found["sides"]["deep"]["detail"]

    before, fits = bill(), len(Ledger(study.out).trials)
    for price in (9.0, 0.04):
        study = treeline.run(folder / "churn.csv", target="churn", out=folder / "run", price=price, **QUICK)
        assert len(Ledger(study.out).trials) == fits
        assert bill()["price"] == price
        assert bill()["money"] == pytest.approx(before["all_cpu_s"] / 3600 * price)
    assert bill() == before


def test_other_settings_are_refused_with_the_difference(churn):
    study, folder, _ = churn
    with pytest.raises(IntegrityError, match="seed was 0 and is 5"):
        treeline.run(folder / "churn.csv", target="churn", out=study.out, seed=5, **QUICK)


def test_other_data_are_refused(churn, tmp_path):
    with pytest.raises(IntegrityError, match="the data has changed"):
        treeline.run(churn_csv(tmp_path / "churn.csv", seed=3), target="churn", out=churn[0].out, **QUICK)


def test_past_runs_are_listed(churn):
    found = treeline.runs(churn[1])
    assert [(one["target"], one["call"]) for one in found] == [("churn", churn[0].verdict["call"])]
    assert treeline.load(churn[0].out).verdict == churn[0].verdict


def test_numbers_are_predicted_too(tmp_path):
    study = treeline.run(price_csv(tmp_path / "p.csv"), target="price", out=tmp_path / "run", metric="mae", **QUICK)
    assert study.verdict["task"] == "regression"
    assert study.verdict["metric"] == "mean_absolute_error"
    frame = pl.read_csv(tmp_path / "p.csv")
    error = np.abs(study.model.predict(frame) - frame["price"].to_numpy()).mean()
    assert error < 0.5 * np.abs(frame["price"] - frame["price"].median()).mean()


def test_one_family_alone_gives_a_model_and_no_verdict(tmp_path):
    study = treeline.run(
        churn_csv(tmp_path / "c.csv"), target="churn", out=tmp_path / "run", families="classical", candidates="lightgbm",
        time_limit="20s", progress="quiet",
    )  # fmt: skip
    assert study.verdict["call"] == "UNDECIDED"
    assert study.verdict["families"]["deep"] is None or study.verdict["families"]["deep"]["score"] is None
    assert len(study.model.predict(pl.read_csv(tmp_path / "c.csv"))) == 400


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"target": "chrun"}, UsageError, "did you mean 'churn'"),
        ({"target": "churn", "metric": "aucc"}, UsageError, "unknown"),
        ({"target": "churn", "time_limit": "0"}, BudgetError, "above zero"),
        ({"target": "churn", "time_limit": "1s"}, BudgetError, "at least"),
        ({"target": "churn", "candidates": "lihgtgbm"}, UsageError, "did you mean 'lightgbm'"),
        ({"target": "churn", "drop": ["fees"]}, UsageError, "fees"),
        ({}, UsageError, "Nothing says which column"),
    ],
)
def test_bad_input_is_one_clear_line_and_writes_nothing(tmp_path, settings, error, words):
    source = churn_csv(tmp_path / "c.csv")
    with pytest.raises(error, match=words) as caught:
        treeline.run(source, out=tmp_path / "run", progress="quiet", **settings)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_leak_stops_the_run_unless_it_is_allowed(tmp_path):
    frame = pl.read_csv(churn_csv(tmp_path / "c.csv")).with_columns(
        left=pl.col("churn").replace_strict({"yes": 1, "no": 0})
    )
    with pytest.raises(DataError, match=r"D005.*left"):
        treeline.run(frame, target="churn", out=tmp_path / "run", **QUICK)
    assert not (tmp_path / "run").exists()


def test_two_writers_of_one_run_are_refused(tmp_path, churn):
    held = Ledger(churn[0].out, write=True)
    with pytest.raises(SetupError, match="is being written by process"):
        treeline.run(churn[1] / "churn.csv", target="churn", out=churn[0].out, **QUICK)
    held.close()


CODE = """
import treeline
treeline.run({source!r}, target="churn", out={out!r}, candidates="lightgbm,mlp", time_limit="40s", progress="quiet", folds=10)
"""


def start(source, out):
    code = CODE.format(source=str(source), out=str(out))
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for_trials(out, count):
    path = out / "ledger" / "facts.jsonl"
    for _ in range(400):
        if path.exists() and path.read_text().count('"fact": "trial"') >= count:
            return
        time.sleep(0.1)
    raise AssertionError("no trial was written")


def test_a_killed_run_goes_on_where_it_stopped(tmp_path):
    source, out = churn_csv(tmp_path / "c.csv", rows=1500), tmp_path / "run"
    process = start(source, out)
    wait_for_trials(out, 3)
    children = [
        int(pid)
        for pid in subprocess.run(
            ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False
        ).stdout.split()
    ]
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = [trial.id for trial in Ledger(out).done()]
    time.sleep(2)
    assert children
    assert not any(os.path.exists(f"/proc/{pid}") for pid in children), "a worker outlived its parent"
    study = treeline.run(
        source, target="churn", out=out, candidates="lightgbm,mlp", time_limit="40s", progress="quiet", folds=10
    )
    trials = Ledger(out).done()
    assert [trial.id for trial in trials][: len(kept)] == kept
    assert len({(trial.entry, trial.rung, trial.fold) for trial in trials}) == len(trials)
    assert study.verdict["call"]


def test_ctrl_c_hands_over_the_best_so_far(tmp_path):
    source, out = churn_csv(tmp_path / "c.csv", rows=1500), tmp_path / "run"
    process = start(source, out)
    wait_for_trials(out, 18)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0
    assert treeline.load(out).exit_code == 130
    assert (out / "bundle" / "manifest.json").exists()
    assert len(treeline.load(out).model.predict(pl.read_csv(source))) == 1500
    assert Ledger(out).of_kind("stop")[-1]["why"] == "stopped by the user"


def test_a_dozen_rows_say_nothing_and_say_so(tmp_path):
    path = tmp_path / "tiny.csv"
    path.write_text("a,b,y\n" + "".join(f"{i % 5},{(i * 7) % 4},{'uv'[i % 2]}\n" for i in range(12)))
    study = treeline.run(
        path, target="y", out=tmp_path / "run", time_limit="8s", progress="quiet", candidates="linear,mlp"
    )
    text = (study.out / "verdict.json").read_text()
    assert "NaN" not in text
    verdict = json.loads(text)
    assert verdict["call"] == "UNDECIDED"
    assert any("30 are the least" in line for line in verdict["because"])
    assert all("nan" not in one["words"] for one in verdict["dimensions"])
