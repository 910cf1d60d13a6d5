"""A headless Chromium, spoken to in its own protocol (DevTools): opens a page, runs JavaScript, hears its console."""

import base64
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import websocket

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PHONE, DESK = (390, 844), (1280, 900)


class Page:
    """One page. complaints: errors and warnings of its console so far; requests: the addresses that it asked for."""

    def __init__(self, address: str):
        self.socket = websocket.create_connection(address, suppress_origin=True, timeout=120)
        self.sent, self.complaints, self.requests = 0, [], []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters) -> dict:
        """Send one command and wait for its result; what the page reports meanwhile is kept."""
        self.sent += 1
        self.socket.send(json.dumps({"id": self.sent, "method": method, "params": parameters}))
        while (message := json.loads(self.socket.recv())).get("id") != self.sent:
            self._hear(message.get("method"), message.get("params", {}))
        assert "error" not in message, message["error"]
        return message["result"]

    def _hear(self, event: str, about: dict) -> None:
        if event == "Runtime.exceptionThrown":
            self.complaints.append(about["exceptionDetails"].get("exception", {}).get("description", "an exception"))
        elif event == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning"):
            said = (str(part.get("value", part.get("description"))) for part in about["args"])
            self.complaints.append(" ".join(said))
        elif event == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.complaints.append(about["entry"]["text"] + " " + about["entry"].get("url", ""))
        elif event == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])

    def open(self, url: str, size: tuple[int, int] = DESK) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=size[0],
            height=size[1],
            deviceScaleFactor=1,
            mobile=size == PHONE,
        )
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, script: str):
        """The value of a JavaScript expression; a promise is waited for."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, condition: str, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not self.run(condition):
            assert time.monotonic() < deadline, f"{condition} is not true after {seconds:.0f} s"
            time.sleep(0.2)

    def screenshot(self, path: Path, whole: bool = False) -> None:
        found = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))


@contextmanager
def open_page() -> Iterator[Page]:
    """A page of a browser of its own, which ends with the block."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        command = [CHROMIUM, *options, "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield Page(_address(Path(profile) / "DevToolsActivePort"))
        finally:
            process.terminate()
            process.wait(30)


def _address(file: Path) -> str:
    """The address of the browser's first page, once the browser has written its port to this file."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            port = file.read_text().split()[0]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as reply:
                return next(each for each in json.load(reply) if each["type"] == "page")["webSocketDebuggerUrl"]
        except (FileNotFoundError, IndexError, StopIteration, OSError):
            time.sleep(0.2)
    raise TimeoutError("the browser did not start")
