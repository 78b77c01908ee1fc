"""AutoGluon's multimodal predictor on a text set, with the same encoder folder and the same seconds as `bench/media.py`.

    ENV=.work/peers/autogluon/bin
    $ENV/pip install autogluon.multimodal
    $ENV/python bench/multimodal.py .work/bench/media/movie_review_sentences --pretrained FOLDER --seconds 600

The folder holds train.csv, test.csv and answers.csv as `bench/media.py` writes them. The accuracy on the test part and the
seconds are printed as a line of JSON; its image and sound models need weights from the hub, so they are not run here.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import pandas as pd


def main() -> None:
    """Fit, predict, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pretrained", required=True)
    parser.add_argument("--seconds", type=int, default=600)
    given = parser.parse_args()
    from autogluon.multimodal import MultiModalPredictor

    train, test, answers = (
        pd.read_csv(given.folder / f"{name}.csv", dtype=str) for name in ("train", "test", "answers")
    )
    began = time.monotonic()
    predictor = MultiModalPredictor(label="label", eval_metric="accuracy", path=tempfile.mkdtemp(), verbosity=1)
    predictor.fit(
        train,
        time_limit=given.seconds,
        hyperparameters={
            "model.names": ["hf_text"],
            "model.hf_text.checkpoint_name": given.pretrained,
            "env.num_gpus": 0,
            "env.num_workers": 0,
        },
    )
    fit_s = time.monotonic() - began
    said = predictor.predict(test)
    fact = {
        "set": given.folder.name, "tool": f"autogluon.multimodal {version('autogluon.multimodal')}",
        "seconds": given.seconds, "fit_s": round(fit_s, 1), "predict_s": round(time.monotonic() - began - fit_s, 1),
        "accuracy": float((said.astype(str).to_numpy() == answers["label"].to_numpy()).mean()), "test_rows": len(answers),
    }  # fmt: skip
    print(json.dumps(fact))


if __name__ == "__main__":
    main()
