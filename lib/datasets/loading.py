"""Loads the corpus that a study names."""

from pathlib import Path

from lib.datasets import disaster_response, hub, orange_text, synthetic, table, trecis
from lib.datasets.corpus import Corpus, make_corpus
from lib.study.corpora import DisasterResponse, Hub, OrangeText, Synthetic, Table, Trecis

_LOADERS = {
    "disaster_response": disaster_response.load, "hub": hub.load, "orange_text": orange_text.load,
    "synthetic": synthetic.load, "table": table.load, "trecis": trecis.load,
}  # fmt: skip


def load_corpus(config: DisasterResponse | Hub | OrangeText | Synthetic | Table | Trecis, cache: Path) -> Corpus:
    """The corpus that a study names; downloads are kept in ``cache``. InputError names the file, column and row."""
    messages, labels, repairs = _LOADERS[config.loader](config, Path(cache))
    columns = {role: getattr(config, role, None) or role for role in ("id", "text", "group", "split")}
    return make_corpus(config.dataset, config.origin, messages, labels, repairs, columns)
