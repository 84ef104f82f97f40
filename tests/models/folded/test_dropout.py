import numpy as np
import torch

from models.folded.dropout import DropoutStreams


def streams(num_folds: int = 3, *, trial: int = 0, epoch: int = 1) -> DropoutStreams:
    return DropoutStreams(7, "dropout", folds=range(num_folds), trial=trial, epoch=epoch)


def test_the_probability_is_that_of_zeroing_and_means_are_preserved() -> None:
    dropped = streams(2).drop(torch.ones(2, 100, 1000), 0.2)
    for fold in dropped:
        assert np.isclose((fold == 0).double().mean(), 0.2, atol=0.005)
        assert np.isclose(fold.mean(), 1.0, atol=0.01)
    np.testing.assert_allclose(dropped[dropped > 0], 1.25, rtol=1e-3)


def test_a_folds_masks_do_not_depend_on_other_folds() -> None:
    x = torch.randn(3, 7, 5)
    whole = streams()
    first, second = whole.drop(x, 0.5), whole.drop(x, 0.3)
    alone = streams(1)
    torch.testing.assert_close(alone.drop(x[:1], 0.5), first[:1], rtol=0, atol=0)
    torch.testing.assert_close(alone.drop(x[:1], 0.3), second[:1], rtol=0, atol=0)
    assert not torch.equal(first[0] == 0, first[1] == 0)


def test_streams_are_named_by_trial_and_epoch() -> None:
    x = torch.ones(3, 50)
    same, again = streams().drop(x, 0.5), streams().drop(x, 0.5)
    assert torch.equal(same, again)
    assert not torch.equal(same, streams(trial=1).drop(x, 0.5))
    assert not torch.equal(same, streams(epoch=2).drop(x, 0.5))


def test_nothing_is_drawn_without_dropout() -> None:
    x = torch.ones(3, 50)
    used, fresh = streams(), streams()
    assert used.drop(x, 0.0) is x
    assert torch.equal(used.drop(x, 0.5), fresh.drop(x, 0.5))


def test_gradients_are_masked_like_values() -> None:
    x = torch.ones(1, 50, dtype=torch.float64, requires_grad=True)
    dropped = streams(1).drop(x, 0.5)
    (gradient,) = torch.autograd.grad(dropped.sum(), x)
    assert torch.equal(gradient, dropped.detach())
