"""The command line as a user meets it: in a fresh process, with exit codes."""

import json
import subprocess
import sys

import pytest

from .worlds import churn_csv


def treeline(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "treeline", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **options,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    churn_csv(folder / "churn.csv")
    config = folder / "run.toml"
    config.write_text('target = "churn"\ntime_limit = "25s"\ncandidates = ["lightgbm", "mlp"]\n')
    made = treeline("run", "churn.csv", "--config", "run.toml", "--out", "runs/churn", "--json", cwd=folder)
    return folder, made


def test_json_is_the_verdict_and_nothing_else(run):
    folder, made = run
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout) == json.loads((folder / "runs/churn/verdict.json").read_text())


def test_predict_writes_a_column_per_class(run):
    folder, _ = run
    made = treeline("predict", "runs/churn", "churn.csv", "-o", "p.csv", cwd=folder)
    assert made.returncode == 0, made.stderr
    lines = (folder / "p.csv").read_text().splitlines()
    assert lines[0] == "prediction,proba_no,proba_yes"
    assert len(lines) == 401


def test_the_finished_run_is_shown_listed_and_reported(run):
    folder, _ = run
    shown = treeline("run", "churn.csv", "--config", "run.toml", "--out", "runs/churn", cwd=folder)
    assert shown.returncode == 0
    assert "LightGBM" in shown.stdout
    assert "runs/churn" in treeline("runs", cwd=folder).stdout
    assert treeline("report", "runs/churn", cwd=folder).stdout.strip() == "runs/churn/report.html"


def test_another_model_of_the_run_is_written_beside_its_own_and_predicts(run):
    folder, _ = run
    made = treeline("deliver", "runs/churn", "--side", "deep", "--out", "deep", cwd=folder)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("deep: ")
    assert treeline("predict", "deep", "churn.csv", "-o", "deep.csv", cwd=folder).returncode == 0


def test_audit_tells_findings_in_text_and_json(run):
    folder, _ = run
    assert "D003" in treeline("audit", "churn.csv", "--target", "churn", cwd=folder).stdout
    found = json.loads(treeline("audit", "churn.csv", "--target", "churn", "--json", cwd=folder).stdout)
    assert found["records"] == {"read": 400, "used": 400, "quarantined": 0, "reasons": {}}
    assert "customer" in {name for one in found["findings"] for name in one["columns"]}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run", "nothing.csv", "--target", "y"], 2, "nothing.csv"),
        (["run", "churn.csv", "--target", "chrun"], 2, "did you mean 'churn'"),
        (["run", "churn.csv", "--target", "churn", "--time-limit", "0"], 4, "above zero"),
        (["run", "churn.csv", "--target", "churn", "--families", "shallow"], 2, "classical"),
        (["run", "churn.csv", "--targett", "churn"], 2, "--targett"),
        (["predict", "runs/none", "churn.csv"], 2, "There is no run"),
        (["deliver", "runs/none"], 2, "There is no run"),
        (["deliver", "runs/churn", "--only", "lightgmb"], 2, "did you mean 'lightgbm'"),
        (["deliver", "runs/churn", "--side", "shallow"], 2, "There is no side 'shallow'"),
        (["run", "sample:iriss"], 2, "did you mean 'iris'"),
        (["frob"], 2, "frob"),
    ],
)
def test_errors_are_one_line_with_a_hint_and_a_code(run, arguments, code, words):
    folder, _ = run
    before = sorted(path.name for path in folder.rglob("*"))
    made = treeline(*arguments, cwd=folder)
    assert made.returncode == code, made.stderr
    assert words in made.stderr
    assert "Traceback" not in made.stderr
    assert made.stdout == ""
    assert sorted(path.name for path in folder.rglob("*")) == before


def test_debug_shows_where_an_error_comes_from(run):
    made = treeline("run", "nothing.csv", "--target", "y", "--debug", cwd=run[0])
    assert "Traceback" in made.stderr


def test_samples_doctor_and_version_speak():
    assert "sample:fair" in treeline("samples").stdout
    doctor = json.loads(treeline("doctor", "--json").stdout)
    assert {"lightgbm", "realmlp"} <= {card["name"] for card in doctor["candidates"]}
    assert "cores" in treeline("doctor").stdout
    assert treeline("--version").stdout.strip()
