"""Transcription end to end, with tiny models of both sorts that the test makes and saves."""

import csv
import json
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import treeline
from treeline.api import report
from treeline.data.media_sound import HZ
from treeline.errors import DataError, IntegrityError, SetupError, UsageError
from treeline.evidence.transcripts import edits, error_rate, plain

pytest.importorskip("transformers")
sound = pytest.importorskip("soundfile")
TEXTS = [
    "the cat sat",
    "on the mat",
    "a dog ran",
    "Yes!",
    "no",
    "it rains today",
    "good morning",
    "see you",
    "well done",
    "one two",
]


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Whisper of random weights with a tokenizer of bytes."""
    import torch
    from transformers import (
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperProcessor,
        WhisperTokenizer,
    )

    folder = tmp_path_factory.mktemp("whisper")
    units = [*"abcdefghijklmnopqrstuvwxyz", "\u0120"]
    vocab = {
        unit: code for code, unit in enumerate([*units, "<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>"])
    }
    (folder / "vocab.json").write_text(json.dumps(vocab))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = WhisperTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    torch.manual_seed(0)
    end, start = vocab["<|endoftext|>"], vocab["<|startoftranscript|>"]
    config = WhisperConfig(
        vocab_size=len(tokenizer), d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_target_positions=24,
        pad_token_id=end, bos_token_id=end, eos_token_id=end, decoder_start_token_id=start, suppress_tokens=[],
        begin_suppress_tokens=[],
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    model.generation_config = GenerationConfig(
        decoder_start_token_id=start, eos_token_id=end, pad_token_id=end, bos_token_id=end
    )
    model.save_pretrained(folder)
    WhisperProcessor(WhisperFeatureExtractor(), tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def ctc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wav2vec 2.0 with a CTC head, of random weights."""
    import torch
    from transformers import (
        Wav2Vec2Config,
        Wav2Vec2CTCTokenizer,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2ForCTC,
        Wav2Vec2Processor,
    )

    folder = tmp_path_factory.mktemp("ctc")
    vocab = {unit: code for code, unit in enumerate(["<pad>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz"])}
    (folder / "vocab.json").write_text(json.dumps(vocab))
    tokenizer = Wav2Vec2CTCTokenizer(str(folder / "vocab.json"), pad_token="<pad>", unk_token="<unk>")
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        vocab_size=len(vocab), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        conv_dim=(8, 8), conv_kernel=(400, 2), conv_stride=(320, 2), num_feat_extract_layers=2, num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2, pad_token_id=0,
    )  # fmt: skip
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    Wav2Vec2Processor(Wav2Vec2FeatureExtractor(), tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    rng = np.random.default_rng(0)
    with (folder / "metadata.csv").open("w", newline="") as file:
        told = csv.writer(file)
        told.writerow(["file_name", "transcript", "speaker"])
        for k, text in enumerate(TEXTS):
            sound.write(folder / f"{k}.wav", rng.normal(0, 0.1, HZ // 2 + 100 * k), HZ)
            told.writerow([f"{k}.wav", text, "ab"[k % 2]])
    return folder


def slow_edits(truth: list[str], said: list[str]) -> int:
    @cache
    def left(i: int, j: int) -> int:
        if i == len(truth) or j == len(said):
            return len(truth) - i + len(said) - j
        return min(left(i + 1, j + 1) + (truth[i] != said[j]), left(i + 1, j) + 1, left(i, j + 1) + 1)

    return left(0, 0)


def test_edits_are_the_fewest():
    rng = np.random.default_rng(1)
    for _ in range(60):
        truth, said = (list(rng.choice(list("abc"), rng.integers(0, 6))) for _ in range(2))
        assert edits(truth, said) == slow_edits(truth, said)


def test_case_and_punctuation_do_not_count():
    assert plain("  Don\u2019t  STOP, \u2013 'now'! ") == "don't stop now"


def test_the_interval_of_the_error_rate_holds_what_it_should():
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(400):
        words = rng.integers(3, 30, 60)
        skill = rng.beta(2, 8, 60)
        rate = error_rate(rng.binomial(words, skill), words)
        held += rate.low <= 0.2 <= rate.high
    assert 0.92 <= held / 400 <= 0.98
    assert error_rate(np.array([1]), np.array([2])).high == float("inf")


@pytest.mark.parametrize("model", ["whisper", "ctc"])
def test_a_run_tells_the_rate_and_new_clips_are_transcribed(
    model: str, clips: Path, tmp_path: Path, request: pytest.FixtureRequest
):
    folder, out = request.getfixturevalue(model), tmp_path / "out"
    given = {
        "task": "transcription",
        "target": "transcript",
        "pretrained": str(folder),
        "time_limit": 60,
        "progress": "quiet",
    }
    study = treeline.run(clips, out=out, **given)
    verdict = study.verdict
    assert study.exit_code == 0
    assert verdict["call"] == "UNDECIDED" and verdict["because"][0].startswith("CLASSICAL_MISSING")
    with (out / "transcripts.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["true"] for row in rows] == TEXTS
    wrong = sum(slow_edits(plain(row["true"]).split(), plain(row["said"]).split()) for row in rows)
    assert verdict["families"]["deep"]["score"] == pytest.approx(
        wrong / sum(len(plain(text).split()) for text in TEXTS)
    )
    assert wrong == sum(int(row["errors"]) for row in rows)
    assert verdict["judged_rows"] == len(TEXTS)
    assert "word error rate" in verdict["sentence"]
    page = (out / "report.html").read_text()
    assert "no contestant at hand" in page and "5.wav" in page

    with zipfile.ZipFile(tmp_path / "new.zip", "w") as archive:
        archive.write(clips / "3.wav", "deep/3.wav")
        archive.write(clips / "0.wav", "deep/0.wav")
    treeline.predict(out, tmp_path / "new.zip", tmp_path / "said.csv")
    with (tmp_path / "said.csv").open(newline="") as file:
        found = {Path(row["file_name"]).name: row["prediction"] for row in csv.DictReader(file)}
    assert set(found) == {"0.wav", "3.wav"}
    if model == "ctc":  # heard one by one, so exactly as in the run
        assert found == {row["file"]: row["said"] for row in rows if row["file"] in found}

    before = (out / "verdict.json").read_text()
    report(out)
    assert (out / "verdict.json").read_text() == before
    assert treeline.run(clips, out=out, **given).verdict["judged_rows"] == len(TEXTS)
    with pytest.raises(IntegrityError, match="begun differently"):
        treeline.run(clips, out=out, **{**given, "seed": 3})


def test_speakers_count_as_groups(clips: Path, ctc: Path, tmp_path: Path):
    study = treeline.run(
        clips, out=tmp_path / "out", task="transcription", target="transcript", group="speaker", pretrained=str(ctc),
        progress="quiet",
    )  # fmt: skip
    assert study.verdict["clusters"] == 2


def test_what_is_missing_is_said_in_one_line(clips: Path, ctc: Path, tmp_path: Path):
    given = {"task": "transcription", "target": "transcript", "progress": "quiet", "out": tmp_path / "out"}
    with pytest.raises(SetupError, match=r"needs a pretrained model of speech: left out"):
        treeline.run(clips, **given, pretrained="none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SetupError, match=r"holds no config\.json"):
        treeline.run(clips, **given, pretrained=str(tmp_path / "empty"))
    (tmp_path / "empty" / "config.json").write_text('{"model_type": "vit"}')
    with pytest.raises(SetupError, match="no model that turns speech into text"):
        treeline.run(clips, **given, pretrained=str(tmp_path / "empty"))
    with pytest.raises(DataError, match="no column of sounds"):
        treeline.run(_frame(), **given, pretrained=str(ctc))
    with pytest.raises(UsageError, match="There is no column"):
        treeline.run(clips, **{**given, "target": "transcribt"}, pretrained=str(ctc))
    assert not (tmp_path / "out").exists()


def _frame():
    import polars as pl

    return pl.DataFrame({"transcript": TEXTS, "n": list(range(10))})


def test_a_clip_that_is_too_long_is_named(clips: Path, ctc: Path, tmp_path: Path):
    sound.write(clips / "4.wav", np.random.default_rng(0).normal(0, 0.1, 31 * HZ), HZ)
    with pytest.raises(DataError, match=r"may last 30 s.*4\.wav"):
        treeline.run(
            clips,
            out=tmp_path / "out",
            task="transcription",
            target="transcript",
            pretrained=str(ctc),
            progress="quiet",
        )
