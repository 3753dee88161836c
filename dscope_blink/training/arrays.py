"""Pictures and masks as NumPy arrays, one by one, in shards, and in one HDF5 file: each on request."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dscope_blink.config.settings import Config, TrainingSettings
from dscope_blink.files.decoding import decode_image
from dscope_blink.files.syncing import make_folder
from dscope_blink.files.whole_files import whole_file
from dscope_blink.records import read_file
from dscope_blink.training.classes import classes_json
from dscope_blink.training.dataset import Dataset
from dscope_blink.training.faces import Face
from dscope_blink.training.labels import Label, Row

ARRAYS = Path("pixel_level") / "arrays"
SHARDS = Path("pixel_level") / "shards"
HDF5 = "dataset.h5"


def write_mask_arrays(face: Face, folder: Path, settings: TrainingSettings) -> dict[str, tuple[Row, ...]]:
    """Write pixel_level/arrays/KIND/NAME.npy where it is asked for; it has no rows in tables."""
    for kind, mask in masks_by_kind(face).items():
        path = folder / ARRAYS / f"{kind}s" / f"{face.label.name}.npy"
        path.unlink(missing_ok=True)  # of an earlier build
        if settings.mask_arrays:
            make_folder(path.parent)
            with whole_file(path) as temporary, temporary.open("wb") as file:
                np.lib.format.write_array(file, mask, allow_pickle=False)
    return {}


def masks_by_kind(face: Face) -> Mapping[str, NDArray[Any]]:
    """Each (H, W): uint8 the classes, uint16 the instances; zones alone where marks may be missing."""
    masks: dict[str, NDArray[Any]] = {"zone_mask": face.zones}
    if face.label.marks_are_known:
        masks |= {"defect_mask": face.kinds, "instance_mask": face.instances}
    return masks


def write_npz(path: Path, arrays: Iterable[tuple[str, NDArray[Any]]]) -> None:
    """Write arrays by name as they come, so that few are in memory; the same bytes on any day, and no pickle.

    Raises
    ------
    UserError : the file cannot be written
    """
    make_folder(path.parent)
    with whole_file(path) as temporary, zipfile.ZipFile(temporary, "w", compresslevel=1) as archive:
        for name, array in arrays:
            entry = zipfile.ZipInfo(f"{name}.npy")  # of 1980, as `numpy.savez` has them
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)


def write_shards(dataset: Dataset, config: Config) -> None:
    """Write pixel_level/shards/NUMBER.npz with `shard_pictures` each: NAME/image and NAME/KIND; on request."""
    shutil.rmtree(dataset.folder / SHARDS, ignore_errors=True)
    size = config.training.shard_pictures
    for number, first in enumerate(range(0, len(dataset.names) if size else 0, max(size, 1))):
        some = Dataset(dataset.folder, dataset.names[first : first + size])
        arrays = (
            (f"{label.name}/{kind}", array)
            for label, by_kind in _pictures(some, config)
            for kind, array in by_kind.items()
        )
        write_npz(dataset.folder / SHARDS / f"{number:05}.npz", arrays)


def write_hdf5(dataset: Dataset, config: Config) -> None:
    """Write dataset.h5 with a group for each picture, numbered in their order, its attribute `name` says which.

    On request; each group holds `image` and the masks, and the file's attribute `classes` says what their values mean.
    """
    path = dataset.folder / HDF5
    path.unlink(missing_ok=True)
    if not config.training.hdf5:
        return
    import h5py

    with whole_file(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["classes"] = json.dumps(classes_json())
        for number, (label, by_kind) in enumerate(_pictures(dataset, config)):
            group = file.create_group(f"{number:06}")
            said = {"name": label.name, "file": label.file, "sha256": label.sha256, "status": label.status}
            group.attrs.update(said | ({} if label.um_per_px is None else {"um_per_px": label.um_per_px}))
            for kind, array in by_kind.items():
                group.create_dataset(kind, data=array, compression="gzip", compression_opts=1, shuffle=True)


def _pictures(dataset: Dataset, config: Config) -> Iterator[tuple[Label, Mapping[str, NDArray[Any]]]]:
    for labelled in dataset.labels():
        data = read_file(dataset.folder / labelled.label.image)
        face = Face(labelled.label, decode_image(data, config.preprocessing.max_pixels), data)
        yield labelled.label, {"image": face.picture, **masks_by_kind(face)}
