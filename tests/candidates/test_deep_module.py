"""Plain torch modules on the one loop: buffers, members, clipping, augmentation, predicting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from treeline.candidates.card import Clock
from treeline.candidates.deep.loop import Member, Recipe, Trained, train
from treeline.candidates.deep.module import ModuleNet

torch = pytest.importorskip("torch", reason="the extra `deep` is not installed")


@dataclass(frozen=True, kw_only=True)
class TinyNet(ModuleNet):
    hidden: int = 8

    def build(self) -> Any:
        class Tiny(torch.nn.Module):  # type: ignore[misc,name-defined]
            def __init__(self, hidden: int, outputs: int) -> None:
                super().__init__()
                self.a = torch.nn.Linear(9, hidden)
                self.norm = torch.nn.BatchNorm1d(hidden)
                self.b = torch.nn.Linear(hidden, outputs)

            def forward(self, x: Any, cat: Any) -> Any:
                return self.b(torch.relu(self.norm(self.a(cat.flatten(1).float() / 255))))

        return Tiny(self.hidden, self.outputs)


NET = TinyNet(outputs=1, numbers=0)


def member(seed: int, n: int = 96) -> Member:
    rng = np.random.default_rng(seed)
    pictures = rng.integers(0, 256, (n, 3, 3, 1), dtype=np.uint8)
    y = (pictures.mean(axis=(1, 2, 3)) / 64 - 2).astype(np.float32)
    return Member(x=np.zeros((n, 0), np.float32), cat=pictures, y=y, decode=lambda out: out[0, :, 0])


def trained(seeds: list[int], **more: Any) -> list[Trained]:
    members = [member(seed) for seed in seeds]
    weights = NET.init(np.zeros((len(seeds), 1, 0)), np.zeros((len(seeds), 1)), np.random.default_rng(0))
    recipe = Recipe(epochs=30, patience=30, batch=32, lr=0.02, loss="squared", **more)
    return train(NET, weights, recipe, members=members, clock=Clock(60), seed=0, epochs=30)


def test_weights_are_named_by_how_they_are_trained() -> None:
    weights = NET.init(np.zeros((2, 1, 0)), np.zeros((2, 1)), np.random.default_rng(0))
    assert {name: value.shape for name, value in weights.items()} == {
        "weight.a.weight": (2, 8, 9),
        "plain.a.bias": (2, 8),
        "plain.norm.weight": (2, 8),
        "plain.norm.bias": (2, 8),
        "buffer.norm.running_mean": (2, 8),
        "buffer.norm.running_var": (2, 8),
        "weight.b.weight": (2, 1, 8),
        "plain.b.bias": (2, 1),
    }
    assert not np.array_equal(weights["weight.a.weight"][0], weights["weight.a.weight"][1])


@pytest.mark.parametrize("seeds", [[1], [1, 2]])
def test_buffers_are_learned_and_predictions_use_them(seeds: list[int]) -> None:
    for done, seed in zip(trained(seeds), seeds, strict=True):
        given = member(seed)
        pictures = torch.from_numpy(given.cat)
        with torch.inference_mode():
            out = NET.loaded(done.weights)(torch.zeros(96, 0), pictures)[:, 0].numpy()
            hidden = torch.nn.functional.linear(
                pictures.flatten(1).float() / 255,
                torch.from_numpy(done.weights["weight.a.weight"]),
                torch.from_numpy(done.weights["plain.a.bias"]),
            )
        assert np.square(out - given.y).mean() < 0.2 * given.y.var()
        np.testing.assert_allclose(done.weights["buffer.norm.running_mean"], hidden.mean(0).numpy(), atol=0.1)


def test_the_loop_s_forward_is_the_loaded_module_s() -> None:
    from treeline.candidates.deep.device import Stack

    done = trained([1])[0]
    stack = Stack(NET, {name: value[None] for name, value in done.weights.items()})
    cat = torch.from_numpy(member(3).cat)
    with torch.inference_mode():
        ours = stack.outputs(stack.weights(0), torch.zeros(96, 0), cat)[0]
        theirs = NET.loaded(done.weights)(torch.zeros(96, 0), cat)
    torch.testing.assert_close(ours, theirs)
    np.testing.assert_array_equal(stack.copy(0)["buffer.norm.running_mean"], done.weights["buffer.norm.running_mean"])


def test_batches_are_augmented_with_the_loop_s_own_chance() -> None:
    seen: list[Any] = []

    def darker(x: Any, cat: Any, generator: Any) -> tuple[Any, Any]:
        seen.append(torch.rand(1, generator=generator, device=generator.device))
        assert cat.shape == (32, 3, 3, 1)
        return x, cat // 2

    first = trained([1], augment=darker)[0].weights["weight.a.weight"]
    assert len({float(one) for one in seen}) == len(seen) == 90
    np.testing.assert_array_equal(first, trained([1], augment=darker)[0].weights["weight.a.weight"])


def test_gradients_are_clipped_member_by_member() -> None:
    from treeline.candidates.deep.device import AdamW

    values = [torch.nn.Parameter(torch.zeros(2, 3)), torch.nn.Parameter(torch.zeros(2, 1, 4))]
    values[0].grad = torch.tensor([[3.0, 0, 0], [0.03, 0, 0]])
    values[1].grad = torch.tensor([[[4.0, 0, 0, 0]], [[0.04, 0, 0, 0]]])
    AdamW([{"params": values, "lr": 1.0, "weight_decay": 0.0}], (0.9, 0.99)).clip(1.0)
    assert values[0].grad[:, 0].tolist() == pytest.approx([0.6, 0.03])
    assert values[1].grad[:, 0, 0].tolist() == pytest.approx([0.8, 0.04])


def test_dropout_keeps_its_share_and_its_mean() -> None:
    from treeline.candidates.deep.vision import Dropout

    torch.manual_seed(0)
    drop, ones = Dropout(0.3), torch.ones(50, 10, 100)
    first, second = drop(ones), drop(ones)
    assert float((first == 0).float().mean()) == pytest.approx(0.3, abs=0.01)
    assert float(first.mean()) == pytest.approx(1.0, abs=0.02)
    assert not torch.equal(first, second)
    assert drop.eval()(ones) is ones
