import pytest

from models.composer.spec import ComposerSpec
from models.families import family
from models.training.device import GPU_CONTEXT, part_for_tensors
from models.training.memory import peak_memory
from tests.hand_melodies import melodies, random_tunes


@pytest.mark.slow
def test_larger_settings_take_at_least_the_memory_of_their_parameters() -> None:
    data = melodies(random_tunes(16, 4), num_folds=4)
    spec = ComposerSpec(size=16, embedding=16, length=16, batch_size=2, windows_per_epoch=4, augment=0)
    larger = spec.model_copy(update={"size": 1024, "layers": 2})
    composer = family("composer")
    small, large = (peak_memory(composer, settings, data, "cpu") for settings in (spec, larger))
    num_parameters = composer.start(larger, data, seed=0, trial=0, device="cpu").num_parameters
    least = 4 * 4 * 4 * num_parameters  # four folds; weights, gradients and AdamW's two moments, of 4 bytes each
    assert small.fits
    assert large.fits
    assert small.context == large.context == 0
    assert small.total == large.total > large.tensors
    assert large.tensors > least > small.tensors


@pytest.mark.parametrize(
    ("share", "gib", "part"), [(0.25, 80, 0.25 - 1 / 80), (0.125, 16, 0.0625), (0.1, 8, 0.05), (0.5, 16, 0.4375)]
)
def test_cudas_own_memory_is_subtracted_from_the_share_of_a_process(share: float, gib: int, part: float) -> None:
    assert part_for_tensors(share, gib * GPU_CONTEXT) == pytest.approx(part)
