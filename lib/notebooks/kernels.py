"""The kernels that notebooks run in: on Linux copies of one process that has imported the libraries once.

Each of ten notebooks would import torch, transformers, scipy and seaborn anew. A "fork server" of multiprocessing imports
them once instead. On two cores, shared with others, that saves 28 % of the small study's time: 84 and 88 s of processor
time instead of 120 and 121, 197 and 202 s by the clock instead of 314 and 248. Of ``--published demo`` it saves 6 %.
"""

import os
import sys
from functools import partial
from multiprocessing import forkserver, get_context, parent_process
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

IMPORTED = [
    "IPython",
    "ipykernel.kernelapp",
    "lib.attribution.models",
    "lib.report.figures.style",
    "lib.time_saving.orders",
]  # and what these import
FORKS = sys.platform == "linux"  # elsewhere some libraries break in a copy of a process that has loaded them


def warm_up() -> None:
    """Begin to import the libraries in the process that kernels are copied from; returns at once."""
    if FORKS:
        forkserver.set_forkserver_preload(IMPORTED)
        forkserver.ensure_running()


def kernel_manager(log: Path) -> type:
    """A class of kernel managers that know only this interpreter, whatever kernel "python3" is registered elsewhere.

    log: receives what the kernel's process itself prints, such as why it died.
    """
    from jupyter_client import AsyncKernelManager  # late: it takes a while, and the first line should not wait for it
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.provisioning import LocalProvisioner

    class Forked(LocalProvisioner):
        async def launch_kernel(self, cmd: list[str], **options):
            self.process = Child(cmd[cmd.index("-f") :], options.get("cwd") or os.getcwd(), options["env"], log)
            self.pid = self.pgid = self.process.pid
            return self.connection_info

    class ThisInterpreter(AsyncKernelManager):
        def __init__(self, **options):
            # Sockets are files: a port that was free a moment ago may be taken by now, and the kernel would hang.
            self._sockets = TemporaryDirectory(prefix="whence-kernel-", ignore_cleanup_errors=True)
            super().__init__(**options, transport="ipc", ip=f"{self._sockets.name}/socket")

        def _kernel_spec_manager_default(self):
            return KernelSpecManager(parent=self, kernel_dirs=[])

        async def start_kernel(self, **options):
            if FORKS:
                self.provisioner = Forked(kernel_id=self.kernel_id, kernel_spec=self.kernel_spec, parent=self)
            with open(log, "ab") as file:
                await super().start_kernel(stdout=file, stderr=file, **options)

    return ThisInterpreter


class Child:
    """A forked kernel with those attributes of subprocess.Popen that its manager uses."""

    stdin = stdout = stderr = None

    def __init__(self, arguments: list[str], folder: str, environment: dict[str, str], log: Path):
        values = (arguments, folder, environment, log)
        self._process = get_context("forkserver").Process(target=_be_a_kernel, args=values)
        self._process.start()
        self.pid = self._process.pid
        self.kill, self.terminate = self._process.kill, self._process.terminate
        self.send_signal = partial(os.kill, self.pid)

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int | None:
        self._process.join()
        return self.poll()


def _be_a_kernel(arguments: list[str], folder: str, environment: dict[str, str], log: Path) -> None:
    """Runs in the forked process: take over folder, environment and log of the kernel, and serve."""
    os.setsid()  # signals to the terminal are for the runner, which then ends its kernel
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    with open(log, "ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    Thread(target=_end_with_the_runner, daemon=True).start()
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance(argv=[*arguments, f"--IPKernelApp.parent_handle={os.getppid()}"])  # else it prints a greeting


def _end_with_the_runner() -> None:
    """End this kernel when the runner has been killed; the fork server ends after its last kernel."""
    parent_process().join()
    os._exit(1)
