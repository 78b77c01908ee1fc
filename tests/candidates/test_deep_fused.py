"""The hand-written gradients of the fused layers are autograd's, and both arithmetics agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from treeline.candidates.deep.ops import NumpyOps

torch = pytest.importorskip("torch", reason="the extra `deep` is not installed")


def drawn(*shape: int) -> Any:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_ensemble_block_has_the_right_gradient(shared: bool, masked: bool) -> None:
    from treeline.candidates.deep.fused import BatchEnsembleBlock

    torch.manual_seed(0)
    mask = torch.bernoulli(torch.full((2, 3, 5, 4), 0.7, dtype=torch.float64)) / 0.7 if masked else None
    inputs = (
        drawn(2, 1 if shared else 3, 5, 2),
        drawn(2, 3, 1, 2),
        drawn(2, 2, 4),
        drawn(2, 3, 1, 4),
        drawn(2, 3, 1, 4),
    )
    assert torch.autograd.gradcheck(lambda *a: BatchEnsembleBlock.apply(*a, mask), inputs)


def test_numpy_and_torch_agree() -> None:
    from treeline.candidates.deep.device import TorchOps

    rng = np.random.default_rng(0)

    def draw(*shape: int) -> Any:
        return rng.standard_normal(shape).astype(np.float32)

    plain, twin = NumpyOps(), TorchOps()
    twin.training = False
    calls: list[tuple[str, list[Any], dict[str, Any]]] = [
        ("bent_linear", [draw(2, 7, 3), draw(2, 3, 4), draw(2, 1, 4), draw(2, 1, 4)], {"act": "selu", "rate": 0.5}),
        ("bent_linear", [draw(2, 7, 3), draw(2, 3, 4), draw(2, 1, 4), draw(2, 1, 4)], {"act": "mish", "rate": 0.5}),
        (
            "ensemble_block",
            [draw(2, 1, 7, 3), draw(2, 4, 1, 3), draw(2, 3, 5), draw(2, 4, 1, 5), draw(2, 4, 1, 5)],
            {"rate": 0.5},
        ),
        ("attention", [draw(2, 3, 4), draw(2, 3, 4), draw(2, 3, 4), 0.5], {}),
        ("norm", [draw(2, 3, 8), draw(2, 1, 8), draw(2, 1, 8)], {}),
    ]
    for name, arrays, settings in calls:
        tensors = [torch.from_numpy(a) if isinstance(a, np.ndarray) else a for a in arrays]
        np.testing.assert_allclose(
            getattr(plain, name)(*arrays, **settings), getattr(twin, name)(*tensors, **settings), rtol=1e-4, atol=1e-5
        )


def test_masks_keep_their_share_and_differ() -> None:
    from treeline.candidates.deep.device import TorchOps

    torch.manual_seed(0)
    ops = TorchOps()
    one, other = (ops.drop(torch.ones(1, 500, 100), 0.3) for _ in range(2))
    assert float((one == 0).float().mean()) == pytest.approx(0.3, abs=0.01)
    assert float(one.mean()) == pytest.approx(1.0, abs=0.01)
    assert not torch.equal(one, other)
    assert ops.training and ops.drop(one, 0.0) is one


def test_adamw_is_the_published_one_and_members_can_leave() -> None:
    from treeline.candidates.deep.device import AdamW

    torch.manual_seed(0)
    start = [torch.randn(3, 4, 2), torch.randn(3, 1, 2)]
    ours = [torch.nn.Parameter(value.clone()) for value in start]
    theirs = [torch.nn.Parameter(value.clone()) for value in start]
    mine = AdamW([{"params": [value], "lr": 0.1, "weight_decay": 0.02} for value in ours], (0.9, 0.95))
    reference = torch.optim.AdamW(theirs, lr=0.1, betas=(0.9, 0.95), weight_decay=0.02)
    for step in range(6):
        for values in (ours, theirs):
            loss = sum((value * value).sum() + value[-1].sum() for value in values)
            loss.backward()
        mine.step()
        reference.step()
        reference.zero_grad()
        if step == 2:
            mine.keep(torch.tensor([0, 2]))
    for value, other in zip(ours, theirs, strict=True):
        assert value.grad is None
        torch.testing.assert_close(value.detach(), other.detach()[[0, 2]])
