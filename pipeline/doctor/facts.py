"""What this machine has, as lines of a table: versions, GPU, precisions, cores, memory, disk, data sets."""

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pipeline.config import paths
from pipeline.config.params import Params
from pipeline.data import reader, registry
from pipeline.utils import files, git
from pipeline.utils.errors import BadInput
from pipeline.utils.parallel import cpus

Line = tuple[str, str]
"""What a fact is about, and the fact."""
LIBRARIES = ("torch", "numpy", "pandas", "scipy")


def machine() -> Iterator[Line]:
    """Versions, CPU, memory, disk and commit. Loads neither torch nor psutil, which may be missing."""
    yield "Python", f"{platform.python_version()} · {' · '.join(map(_version, LIBRARIES))}"
    yield "CPU", f"{_cpu()}, {cpus()} of {os.cpu_count()} cores usable, load {os.getloadavg()[0]:.1f}"
    memory = _memory()
    yield "memory", f"{memory['MemTotal'] / 1e9:.1f} GB, {memory['MemAvailable'] / 1e9:.1f} GB free"
    refused = [name for name in ("results", "work", "data") if not _writable(Path(name))]
    written = f"{', '.join(refused)} cannot be written" if refused else "results, work and data can be written"
    yield "disk", f"{files.size(files.free_space(Path.cwd()))} free, {written}"
    dirty = git.said("status", "--porcelain", "--untracked-files=no")
    commit = git.said("rev-parse", "--short", "HEAD")
    yield (
        "commit",
        f"{commit}{', with changes' if dirty else ''}" if commit else "unknown: git or its folder is missing",
    )


def gpu() -> Iterator[Line]:
    """The GPU that torch finds, and the precisions that the device computes in."""
    import torch

    if not torch.cuda.is_available():
        built = torch.version.cuda
        yield "GPU", f"torch finds none (it is built for {f'CUDA {built}' if built else 'the CPU'}); the CPU computes"
        yield "precision", "float32, bfloat16" + (" in hardware" if _bfloat16() else " emulated")
        return
    at = torch.device("cuda")
    found, (free, total) = torch.cuda.get_device_properties(at), torch.cuda.mem_get_info(at)
    yield (
        "GPU",
        (
            f"{found.name}, {total / 2**30:.0f} GiB, {free / 2**30:.0f} free, capability {found.major}.{found.minor}, "
            f"{found.multi_processor_count} multiprocessors, the first of {torch.cuda.device_count()}"
        ),
    )
    yield "", f"{_driver(at)}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"
    kinds = [("float32", True), ("TF32", found.major >= 8), ("float16", True)]
    kinds += [("bfloat16", torch.cuda.is_bf16_supported(including_emulation=False))]
    yield "precision", ", ".join(f"{name}{'' if has else ' missing'}" for name, has in kinds)


def data(params: Params) -> Iterator[Line]:
    """Each data set: prepared, found where it is published, or missing."""
    for name, spec in params.data.items():
        try:
            prepared = reader.Prepared(paths.fill(paths.PREPARED, data=name))
            counts = {split: entry["count"] for split, entry in prepared.splits.items()}
            for split in counts:
                prepared.labels(split)
            yield name, "prepared: " + ", ".join(f"{count} {split}" for split, count in counts.items())
        except BadInput:
            yield name, _published(name, spec)


def _published(name: str, spec) -> str:
    if spec.kind in ("synthetic", "crops"):
        return "is drawn, needs no files"
    try:
        source = registry.open_source(name, spec)
        return "found: " + ", ".join(f"{len(source.names(split))} {split}" for split in registry.splits(spec))
    except BadInput:
        return f"not found in {paths.directory(name, spec.directory)} ({paths.variable(name)} names another place)"


def _version(library: str) -> str:
    try:
        return f"{library} {version(library)}"
    except PackageNotFoundError:
        return f"no {library}"


def _cpu() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory() -> dict[str, int]:
    """Bytes by the names of /proc/meminfo."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    return {words[0].rstrip(":"): 1024 * int(words[1]) for words in lines}


def _writable(folder: Path) -> bool:
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return os.access(existing, os.W_OK)


def _bfloat16() -> bool:
    path = Path("/proc/cpuinfo")
    flags = path.read_text() if path.exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _driver(device) -> str:
    from pipeline.timing import machine

    state = machine.state(device)
    if "unavailable" in state:
        return f"driver unknown ({state['unavailable']})"
    return f"driver {state['driver']}, {state['gpu_mhz']} MHz, {state['celsius']} °C"
