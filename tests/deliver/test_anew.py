"""Other models of a finished run: each is what the ledger's fits say, the run's own stays, and bad wishes get one line."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

import treeline
from treeline.api import report
from treeline.candidates.card import Rows
from treeline.contest.blend import standings
from treeline.contest.ledger import Ledger
from treeline.data.read_table import read
from treeline.data.splits import ALL
from treeline.deliver.runtime import load
from treeline.deliver.sealed import open_sealed
from treeline.errors import BudgetError, DataError, IntegrityError, SetupError, UsageError

from ..worlds import churn_csv


@pytest.fixture(autouse=True)
def with_tiny():
    """The real candidates, not the tiny one of this folder."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run of two real contenders."""
    folder = tmp_path_factory.mktemp("anew")
    churn_csv(folder / "churn.csv")
    return treeline.run(
        folder / "churn.csv",
        target="churn",
        out=folder / "run",
        candidates="lightgbm,mlp",
        time_limit="20s",
        progress="quiet",
    )


@pytest.fixture
def copied(finished, tmp_path):
    """The same run in a folder of its own."""
    shutil.copytree(finished.out, tmp_path / "run")
    return treeline.load(tmp_path / "run")


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def trials_of(ledger, name):
    """The fits of a contender that count, by fold; one that was judged on one fold is joined by its fit on all rows."""
    trials = next(one.trials for one in standings(ledger) if one.name == name)
    joined = ledger.refits().get(name) if len(trials) == 1 else None
    return trials if joined is None else (*trials, joined)


@pytest.mark.parametrize("side", ["classical", "deep", "both"])
def test_a_side_predicts_what_the_fits_of_the_ledger_predicted(copied, side):
    before = contents(copied.out / "bundle")
    handed = copied.deliver(side=side)
    assert handed.folder == copied.out / f"bundle-{side}"
    assert contents(copied.out / "bundle") == before
    ledger, model = Ledger(copied.out), handed.model
    assert model.verdict["delivered"]["what"] == handed.facts["delivered"]["what"]
    rows, fold = ledger.rows(), ledger.rows()["fold"]
    frame = read(ledger.head["dataset"]["source"], target="churn").frame[rows["row"]]
    encoded = Rows(model.encoder.shape(model.problem), *model.encoder.transform(frame))
    for told, (weight, fitted) in zip(handed.facts["delivered"]["members"], model.ensemble.members, strict=True):
        assert weight == told["weight"]
        trials = trials_of(ledger, told["name"])
        assert told["models"] == len(fitted)
        for trial, one in zip(trials, fitted, strict=True):
            if trial.fold == ALL:
                continue  # it held nothing out
            held = np.flatnonzero(fold == trial.fold)
            assert np.allclose(one.predict(encoded.take(held)), ledger.predictions(trial)[2], atol=1e-5)


def test_the_own_model_asked_for_again_is_the_same(copied):
    own = copied.verdict["delivered"]["what"]
    handed = copied.deliver(side=own)
    assert handed.facts["gain"] is None
    assert (handed.facts["score"], handed.facts["bytes"]) == (handed.facts["own"]["score"], handed.facts["bytes"])
    assert open_sealed(handed.folder)[1]["model.json"] == open_sealed(copied.out / "bundle")[1]["model.json"]


def test_one_contender_has_its_fold_models_with_all_the_weight(copied):
    handed = copied.deliver(only="LightGBM")
    assert handed.folder.name == "bundle-lightgbm"
    (member,) = handed.facts["delivered"]["members"]
    assert (member["name"], member["weight"]) == ("lightgbm", 1.0)
    assert member["models"] == len(trials_of(Ledger(copied.out), "lightgbm"))
    row = copied.verdict["leaderboard"][[one["name"] for one in copied.verdict["leaderboard"]].index("lightgbm")]
    assert handed.facts["score"] == pytest.approx(row["score"], abs=1e-6) or handed.facts["rows"] < 400


def test_a_single_model_has_seen_all_rows_and_is_fitted_once(copied):
    told = []
    handed = copied.deliver(single=True, side="classical", notify=told.append)
    assert handed.folder.name == "bundle-classical-single"
    assert [member["models"] for member in handed.facts["delivered"]["members"]] == [1]
    assert handed.facts["fitted_rows"] == 400
    assert any("no row is left to judge it" in line for line in handed.lines())
    assert len(told) == 2
    facts = len(Ledger(copied.out).facts)
    again = copied.deliver(single=True, side="classical", out=copied.out.parent / "elsewhere", notify=told.append)
    assert (len(Ledger(copied.out).facts), len(told)) == (facts, 2)
    assert open_sealed(again.folder)[1]["model.json"] == open_sealed(handed.folder)[1]["model.json"]
    assert not (copied.out / "cache").exists()
    new = read(Ledger(copied.out).head["dataset"]["source"], target="churn").frame.head(50)
    assert np.allclose(load(handed.folder).predict_proba(new).sum(axis=1), 1.0)


def test_a_verdict_says_the_same_after_a_single_model_was_fitted(copied):
    before = copied.verdict
    copied.deliver(single=True, only="lightgbm")
    report(copied.out)
    assert json.loads((copied.out / "verdict.json").read_text()) == before


def test_without_the_own_bundle_the_data_are_read_again(copied):
    handed = copied.deliver(only="lightgbm")
    shutil.rmtree(copied.out / "bundle")
    assert copied.deliver(only="lightgbm", out=copied.out.parent / "again").facts["score"] == handed.facts["score"]


@pytest.mark.parametrize(
    ("wish", "kind", "words"),
    [
        ({"side": "clasical"}, UsageError, "did you mean 'classical'"),
        ({"side": "deep", "only": "mlp"}, UsageError, "not both"),
        ({"only": "lightgmb"}, UsageError, "did you mean 'lightgbm'"),
        ({"only": "baseline"}, UsageError, "There is no contender 'baseline'"),
        ({"side": "deep", "out": "bundle"}, UsageError, "own model of a run"),
        ({"side": "deep", "out": "ledger"}, UsageError, "no bundle"),
        ({"side": "deep", "out": "verdict.json"}, UsageError, "no bundle"),
    ],
)
def test_a_wrong_wish_gets_one_line_and_writes_nothing(copied, wish, kind, words):
    before = contents(copied.out)
    if "out" in wish:
        wish = wish | {"out": copied.out / wish["out"]}
    with pytest.raises(kind, match=words):
        copied.deliver(**wish)
    assert contents(copied.out) == before


def test_a_side_without_a_model_is_named_with_the_reason(copied):
    ledger = Ledger(copied.out, write=True)
    for name in {trial.entry for trial in ledger.done() if trial.family == "deep"}:
        ledger.append("withdrawn", entry=name, reason="it does not read back")
    ledger.close()
    for side in ("deep", "both"):
        with pytest.raises(UsageError, match="The run has no deep model"):
            copied.deliver(side=side)
    with pytest.raises(UsageError, match="'mlp' has no model"):
        copied.deliver(only="mlp")


def test_a_changed_source_is_refused_with_both_fingerprints(copied, tmp_path):
    other = churn_csv(tmp_path / "other.csv", seed=1)
    with pytest.raises(IntegrityError, match=r"fingerprint was .* and is now") as found:
        copied.deliver(single=True, source=other)
    assert found.value.exit_code == 6
    assert not (copied.out / "bundle-single").exists()


def test_where_nothing_can_be_fitted_again_one_line_says_what_is_missing(copied, monkeypatch):
    monkeypatch.setattr("treeline.contest.alone.cards", dict)
    for wish in ({}, {"only": "lightgbm"}):
        with pytest.raises(SetupError, match=r"Nothing can be fitted once more.*lightgbm needs lightgbm"):
            copied.deliver(single=True, **wish)


def test_a_fit_that_comes_to_its_limit_is_named(copied, monkeypatch):
    monkeypatch.setattr("treeline.contest.alone.LEAST_S", 0.0)
    monkeypatch.setattr("treeline.contest.alone.PATIENCE", 0.0)
    with pytest.raises(BudgetError, match="'mlp' on all rows did not succeed: killed at its limit"):
        copied.deliver(single=True, only="mlp")  # boosting is done before anybody looks
    assert not (copied.out / "cache").exists()


def test_a_damaged_ledger_or_bundle_is_refused(copied):
    ledger = copied.out / "ledger" / "facts.jsonl"
    whole = ledger.read_bytes()
    (copied.out / "bundle" / "parity.json").write_text("{}")
    with pytest.raises(IntegrityError, match=r"parity\.json"):
        copied.deliver(side="deep")
    ledger.write_bytes(whole.replace(b'"lightgbm"', b'"lightgbx"', 1))
    with pytest.raises(IntegrityError, match=r"facts\.jsonl"):
        copied.deliver(side="deep")


def test_an_unfinished_run_has_nothing_to_hand_over(copied):
    ledger = copied.out / "ledger" / "facts.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    stop = next(number for number, line in enumerate(lines) if json.loads(line)["fact"] == "stop")
    ledger.write_bytes(b"".join(lines[:stop]))
    with pytest.raises(UsageError, match="is not finished"):
        copied.deliver(side="deep")


def test_a_run_without_any_model_says_so(copied):
    ledger = copied.out / "ledger" / "facts.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(lines[0])
    more = Ledger(copied.out, write=True)
    more.append("stop", why="time is up", used_s=1.0, session_s=1.0, signal=0)
    more.close()
    with pytest.raises(DataError, match="no model"):
        copied.deliver(side="deep")


def test_a_transcription_has_no_sides(tmp_path):
    ledger = Ledger(tmp_path, write=True)
    ledger.append("head", version=1, problem={"task": "transcription"})
    ledger.close()
    (tmp_path / "verdict.json").write_text("{}")
    with pytest.raises(UsageError, match="transcription"):
        treeline.load(tmp_path).deliver(side="deep")


def test_the_advised_side_is_written_and_where_none_is_advised_that_is_said(copied, monkeypatch):
    def advising(side):
        choice = SimpleNamespace(side=side) if side else None
        told = real.conclusion.verdict
        verdict = SimpleNamespace(choice=choice, because=told.because, words=told.words, families=told.families)
        told = SimpleNamespace(problem=real.problem, verdict=real.verdict, conclusion=SimpleNamespace(verdict=verdict))
        monkeypatch.setattr("treeline.deliver.anew.conclude", lambda _: told)

    from treeline.contest.result import conclude

    real = conclude(Ledger(copied.out))
    advising("deep")
    assert copied.deliver().folder.name == "bundle-deep"
    assert copied.deliver(side="choice").folder.name == "bundle-deep"
    advising(None)
    with pytest.raises(UsageError, match="advises no side"):
        copied.deliver()
