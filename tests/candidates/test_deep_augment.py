"""Pictures are mirrored only where that is harmless; shifts, masks and gaps stay within bounds."""

from __future__ import annotations

import numpy as np
import pytest

from treeline.candidates.deep.augment import mirror_is_harmless
from treeline.problem.metric import Array


def pictures(n: int, where: Array, rng: np.random.Generator) -> Array:
    """A bright spot in row `where`[0] and column `where`[1] of a noisy picture of 12 x 12."""
    out = rng.integers(0, 20, (n, 12, 12, 1))
    out[np.arange(n), where[0], where[1], 0] = 255
    return out.astype(np.uint8)


def test_left_and_right_are_never_mirrored() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 800)
    across = np.where(y == 1, rng.integers(0, 5, 800), rng.integers(7, 12, 800))
    assert not mirror_is_harmless(pictures(800, np.stack([rng.integers(0, 12, 800), across]), rng), y, classes=2)


@pytest.mark.parametrize("classes", [0, 2])
def test_up_and_down_may_be_mirrored(classes: int) -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 800)
    down = np.where(y == 1, rng.integers(0, 5, 800), rng.integers(7, 12, 800))
    shown = pictures(800, np.stack([down, rng.integers(0, 12, 800)]), rng)
    assert mirror_is_harmless(shown, y if classes else y * 3.0 + 1, classes=classes)
    assert not mirror_is_harmless(shown[:30], y[:30], classes=2), "thirty pictures cannot tell"
    assert not mirror_is_harmless(shown, rng.permutation(y), classes=2), "nothing is known of the target"


def test_one_class_or_one_row_is_not_mirrored() -> None:
    shown = np.zeros((5, 1, 1, 3), np.uint8)
    assert not mirror_is_harmless(shown, np.zeros(5, np.int64), classes=2)
    assert not mirror_is_harmless(shown[:1], np.zeros(1), classes=0)


def test_shifts_repeat_the_edge_and_flips_turn_half() -> None:
    torch = pytest.importorskip("torch", reason="the extra `deep` is not installed")
    from treeline.candidates.deep.augment import moved

    ramp = torch.arange(20, dtype=torch.uint8).view(1, 1, 20, 1).expand(400, 20, 20, 1)
    x = torch.zeros(400, 2)
    same, out = moved(x, ramp, torch.Generator().manual_seed(0), flips=False, share=0.1)
    assert same is x
    assert out.shape == ramp.shape
    by = (out[:, 0, 10, 0].int() - 10).unique().tolist()
    assert by == [-2, -1, 0, 1, 2]
    assert out[:, 0, 0, 0].max() == 2
    _, turned = moved(x, ramp, torch.Generator().manual_seed(0), flips=True, share=0.1)
    backwards = (turned[:, 0, 19, 0].int() < turned[:, 0, 0, 0].int()).float().mean()
    assert 0.4 < float(backwards) < 0.6
    _, tiny = moved(x, ramp[:, :1, :1], torch.Generator(), flips=True, share=0.1)
    assert torch.equal(tiny, ramp[:, :1, :1])


def test_spectrograms_are_masked_in_part_and_silence_stays() -> None:
    torch = pytest.importorskip("torch", reason="the extra `deep` is not installed")
    from treeline.candidates.deep.augment import masked

    loud = torch.full((200, 50, 64, 1), 100, dtype=torch.uint8)
    loud[:, :, :8] = 0
    _, out = masked(torch.zeros(200, 0), loud, torch.Generator().manual_seed(0), share=0.2)
    assert out.dtype == torch.uint8
    assert out[:, :, 8:].min() >= 80
    assert out.max() <= 108
    zeros = (out[:, :, :8] == 0).float().mean()
    assert 0.7 < float(zeros) < 1.0


def test_left_out_words_leave_no_gaps() -> None:
    torch = pytest.importorskip("torch", reason="the extra `deep` is not installed")
    from treeline.candidates.deep.augment import words_left_out

    ids = torch.arange(1, 101, dtype=torch.int32).repeat(50, 1)
    ids[:, 80:] = 0
    _, out = words_left_out(torch.zeros(50, 0), ids, torch.Generator().manual_seed(0), share=0.25)
    left = (out != 0).sum(1)
    assert 50 < float(left.float().mean()) < 70
    for row, count in zip(out, left, strict=True):
        assert (row[:count].diff() > 0).all()
        assert (row[count:] == 0).all()


def test_padding_changes_no_output() -> None:
    torch = pytest.importorskip("torch", reason="the extra `deep` is not installed")
    from treeline.candidates.deep.texts import TextNet

    ids = torch.randint(1, 30, (6, 12), dtype=torch.int32)
    ids[:3, 5:] = 0
    ids[0] = 0
    for kind in ("Bag", "Convolutions", "Recurrent", "Transformer"):
        net = TextNet(
            outputs=2, numbers=0, kind=kind, ids=30, length=12, width=32, hidden=8, dropout=0.5, layers=1
        ).build()
        with torch.inference_mode():
            net.eval()
            torch.testing.assert_close(net(torch.zeros(3, 0), ids[:3]), net(torch.zeros(6, 0), ids)[:3])
            torch.testing.assert_close(net(torch.zeros(1, 0), ids[:1]), net(torch.zeros(6, 0), ids)[:1])
