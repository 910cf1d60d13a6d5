"""Finished runs of a study as one file that travels with the repository, so that another machine goes on from them.

``python -m lib.runs.archive save STUDY`` writes figures/STUDY/runs.zip: of every finished run and attribution its record,
measured numbers, probabilities, losses and terms' conductance, the scores of the field's selectors and the effective ranks
of representations; no weights and no text. ``load`` enters them in the ledger; a model is then trained again only where a
missing pair, an attribution or a selector that nobody has scored needs its weights, and its recorded seconds stay what
they were.
"""

import io
import re
import zipfile
import zlib
from pathlib import Path

from lib.errors import InputError, run_command
from lib.runs.mixed import open_mixed
from lib.runs.workbench import open_workbench
from lib.storage.ledger import Ledger, write_atomically
from lib.study.files import ROOT
from lib.study.parameters import Study

FILES = ("entry.json", "predictions.safetensors", "losses.safetensors", "terms.safetensors", "scores.safetensors")
MEMBER = re.compile(rf"([0-9a-f]{{16}})/({'|'.join(map(re.escape, FILES))})")
LARGEST = 2**26  # bytes that one member may unpack to
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the date of every member: equal runs make equal files


def archive_path(study: Study) -> Path:
    return ROOT / "figures" / study.name / "runs.zip"


def save(ledger: Ledger, materials: str, path: Path) -> int:
    """Write the finished entries that were made from these texts; returns how many. Damaged ones are left out."""
    content, ids = io.BytesIO(), [id for id in ledger.ids() if _made_from(ledger, id, materials)]
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for id in ids:
            for name in FILES:
                if (file := ledger.path(id) / name).exists():
                    archive.writestr(zipfile.ZipInfo(f"{id}/{name}", LONG_AGO), file.read_bytes(), zipfile.ZIP_DEFLATED)
    write_atomically(path, content.getvalue())
    return len(ids)


def _made_from(ledger: Ledger, id: str, materials: str) -> bool:
    """Whether an entry was made from these texts: a run, an attribution or scores, every byte as it was written; or the
    record and the numbers of a feature extraction or a representation (the only entries with a "kind")."""
    entry = ledger.entry(id)
    if entry is None or entry["record"].get("texts") != materials:
        return False
    return "kind" in entry["record"] or any(ledger.has(id, (name,)) for name in ("predictions", "terms", "scores"))


def load(ledger: Ledger, path: Path) -> int:
    """Enter the archive's runs that the ledger lacks; returns how many. InputError for a file that is not one."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, path)
            missing = {id: names for id, names in members.items() if ledger.entry(id) is None}
            return sum(ledger.adopt(id, {name: archive.read(f"{id}/{name}") for name in missing[id]}) for id in missing)
    except (OSError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: not a readable archive of runs ({error}); save it again") from None


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, list[str]]:
    """Names of files by entry; anything that is not a file of an entry is refused, so that nothing leaves the ledger."""
    members: dict[str, list[str]] = {}
    for member in archive.infolist():
        match = MEMBER.fullmatch(member.filename)
        if match is None or member.file_size > LARGEST:
            raise InputError(f"{path}: {member.filename!r} is no part of an archive of runs; save it again")
        members.setdefault(match[1], []).append(match[2])
    return members


def main(arguments: list[str]) -> None:
    if len(arguments) != 2 or arguments[0] not in ("save", "load"):
        raise InputError("usage: python -m lib.runs.archive save|load STUDY")
    study = Study.load(arguments[1])
    path = archive_path(study)
    ledger = Ledger(study.ledger)
    if arguments[0] == "save":
        bench = open_mixed(study) if study.corpus.loader == "mixed" else open_workbench(study)
        count = save(ledger, bench.place.materials, path)
        print(
            f"{count} finished runs and attributions in {path.relative_to(ROOT)} ({path.stat().st_size / 1e6:.1f} MB)"
        )
    else:
        print(f"{load(ledger, path)} runs and attributions entered in {study.ledger}")


if __name__ == "__main__":
    run_command(main)
