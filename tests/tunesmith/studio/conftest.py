"""Small models for a studio, and a studio that runs."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.models import trained_composers, trained_stylenets
from tests.served import Served, served


@dataclass(frozen=True)
class Models:
    """Files of a composer and a StyleNet."""

    composer: Path
    stylenet: Path


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    folder = tmp_path_factory.mktemp("studio models")
    return Models(
        trained_composers.trained(folder / "small.pt", beat="input"), trained_stylenets.trained(folder / "style.pt")
    )


@contextmanager
def studio(models: Models, home: Path) -> Generator[Served]:
    """Run a studio with both models on a home folder."""
    named = ["--model", str(models.composer), "--model", str(models.stylenet)]
    with served(["studio", *named, "--home", str(home), "--no-open"], home) as server:
        yield server


@pytest.fixture(scope="module")
def server(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    with studio(models, tmp_path_factory.mktemp("studio") / "home") as running:
        yield running
