"""A reference model as it travels to other processes: where its file lies. Each process reads it once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dscope_blink.models.reference import ReferenceModel, load_model
from dscope_blink.records import UserError


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model that a run began with."""

    path: Path
    sha256: str

    def load(self) -> ReferenceModel:
        """The model, remembered by this process.

        Raises
        ------
        UserError : it can no longer be read, or is another one now
        """
        return _load(self)


def model_file(path: Path) -> ModelFile:
    """The file of a model, once it is read and whole.

    Parameters
    ----------
    path : of the file; made absolute, for a worker may stand in another folder

    Raises
    ------
    BadModel : it cannot be read or is no model
    """
    return ModelFile(path.absolute(), load_model(path).sha256)


@lru_cache(maxsize=1)
def _load(file: ModelFile) -> ReferenceModel:
    model = load_model(file.path)
    if model.sha256 != file.sha256:
        raise UserError(f"{file.path}: the model was changed while the run went on")
    return model
