"""What a data set costs: time beside that of the inspections, sizes on disk, and memory over many pictures.

python benchmarks/dataset.py [--pictures 2000] [--from RESULTS_DIR --of PICTURES_DIR]

Time and sizes are those of the stored results of RESULTS_DIR and of their pictures in PICTURES_DIR, each inspected
again and built in turn, by processor time of one thread; without them, of a few rendered faces. For the memory these
rendered faces are linked under as many names as asked for, and built by this process, whose peak soon is to stay.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from time import process_time

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.rendered import ROOT, request_for
from dscope_blink.batch.dataset_run import DatasetRun, items_of, run_dataset
from dscope_blink.batch.executors import tune_process
from dscope_blink.batch.job import Job, inspect_file, inspect_unwritten
from dscope_blink.config.loading import load_config
from dscope_blink.config.settings import Config
from dscope_blink.files.names import RESULT
from dscope_blink.files.plan import ImageFile
from dscope_blink.files.results import find_results
from dscope_blink.records.sealing import sealed
from dscope_blink.records.stored import load_record
from dscope_blink.synthetic.faces import FaceSpec, render_face
from dscope_blink.synthetic.scenes import random_blemishes
from dscope_blink.training.build import Item, build_picture
from dscope_blink.training.dataset import LeftOut

FACES, MOST_MARKS = 8, 16
SHAPE, UM_PER_PX = (300, 400), 0.85
TOLD_AT = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0)  # of all pictures


def rendered(folder: Path, config: Config) -> tuple[Path, Path]:
    """Small faces with up to MOST_MARKS blemishes each, and their results."""
    pictures, results = folder / "pictures", folder / "results"
    pictures.mkdir()
    for number in range(FACES):
        rng = np.random.default_rng((18, number))
        spec = FaceSpec(shape=SHAPE, centre_px=(201.3, 148.2), um_per_px_x=UM_PER_PX, um_per_px_y=UM_PER_PX)
        marks = random_blemishes(rng, spec, number * MOST_MARKS // FACES + 1)
        path = pictures / f"face_{number}.png"
        cv2.imwrite(str(path), render_face(spec, marks, rng).image)
        inspect_file(Job(results, config), ImageFile(path, path.name, path.stem, request_for(spec)))
    return pictures, results


def print_times(pictures: Path, results: Path, config: Config, folder: Path) -> None:
    """Inspect and build each picture in turn; print what both take, and what lies on disk then."""
    tune_process()
    spent = {"inspection": 0.0, "build": 0.0}
    items = items_of(results, find_results(results).paths)
    _build(items[0], folder / "first", pictures, config)  # what is imported then is no part of the others
    for item in items:
        record = load_record(item.record)
        image = ImageFile(pictures / record.image.file, record.image.file, item.name, record.request)
        start = process_time()
        inspect_unwritten(Job(folder, config), image)
        spent["inspection"] += process_time() - start
        start = process_time()
        _build(item, folder / "data set", pictures, config)
        spent["build"] += process_time() - start
    count = max(len(items), 1)
    for name, seconds in spent.items():
        print(f"{name:12} {1000 * seconds / count:8.1f} ms per picture")
    print(f"build over inspection {spent['build'] / spent['inspection']:.2f}")
    print_sizes(folder / "data set", count)


def _build(item: Item, folder: Path, pictures: Path, config: Config) -> None:
    try:
        build_picture(item, folder, pictures, config)
    except LeftOut as error:
        print(f"  {item.name}: {error}")


def print_sizes(folder: Path, count: int) -> None:
    """By kind of files, the largest first."""
    sizes: Counter[str] = Counter()
    for path in folder.rglob("*"):
        if path.is_file():
            parts = path.relative_to(folder).parts
            sizes["/".join(parts[: 2 if parts[0] == "pixel_level" else 1])] += path.stat().st_size
    for kind, size in sizes.most_common():
        print(f"{kind:32} {size / count / 1024:8.1f} KiB per picture")


def multiplied(pictures: Path, results: Path, count: int, folder: Path) -> tuple[Path, Path]:
    """The pictures linked under as many names, each with its result."""
    more, records = folder / "more", folder / "records"
    more.mkdir()
    records.mkdir()
    stored = [json.loads(path.read_text()) for path in find_results(results).paths]
    for number in range(count):
        record = stored[number % len(stored)]
        picture = pictures / record["image"]["file"]
        name = f"{number:06}"
        os.link(picture, more / f"{name}{picture.suffix}")
        record["image"]["file"] = f"{name}{picture.suffix}"
        (records / f"{name}{RESULT}").write_text(json.dumps(sealed(record)))
        record["image"]["file"] = picture.name
    return more, records


def peak_mib() -> float:
    """Of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def print_memory(pictures: Path, records: Path, config: Config, folder: Path) -> None:
    """Build them all in this process; print the peak of its memory on the way."""
    run = DatasetRun(folder, items_of(records, find_results(records).paths), pictures, config)
    told = {max(round(share * len(run.items)), 1) for share in TOLD_AT}
    with closing(run_dataset(run)) as building:
        for number, _ in enumerate(building, 1):
            if number in told:
                print(f"{number:6} pictures  peak {peak_mib():7.1f} MiB", flush=True)
    print(f"finished         peak {peak_mib():7.1f} MiB")


def main() -> None:
    """Print what a data set costs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=2000, help="built for the memory; 0: none")
    parser.add_argument("--from", dest="results", type=Path, help="folder of stored results")
    parser.add_argument("--of", dest="of", type=Path, help="folder of their pictures")
    parser.add_argument("--profile", default="deep_inspection")
    arguments = parser.parse_args()
    config = load_config(ROOT / "config.json").profile(arguments.profile)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures, results = rendered(folder, config)
        print_times(arguments.of or pictures, arguments.results or results, config, folder)
        if arguments.pictures:
            print_memory(*multiplied(pictures, results, arguments.pictures, folder), config, folder / "many")


if __name__ == "__main__":
    main()
