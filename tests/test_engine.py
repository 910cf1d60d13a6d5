"""The engine: a killed process costs its own job, an error is passed on, what is finished is not done again."""

import os
import signal
from functools import partial

import pytest
import work

from lib.errors import InputError
from lib.runs.engine import compute
from lib.study.sections import Engine


def run(function, folder, jobs, **engine) -> None:
    compute(partial(function, folder), jobs, partial(work.done, folder), Engine(**engine), "work", "job")


def test_a_lost_worker_is_replaced_and_its_piece_tried_again(tmp_path):
    run(work.killed_once, tmp_path, [0, 1, 2], workers=2)
    assert all(work.done(tmp_path, job) for job in range(3))


def test_a_killed_worker_costs_its_own_piece_only(tmp_path):
    run(work.killed_beside_another, tmp_path, [0, 1], workers=2)
    assert (tmp_path / "0.tries").read_text() == "xx" and (tmp_path / "1.tries").read_text() == "x"


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_is_passed_on_and_the_engine_stays_usable(tmp_path, workers):
    with pytest.raises(ZeroDivisionError):
        run(work.divide_by, tmp_path, [0, 2, 3], workers=workers)
    run(work.divide_by, tmp_path, [1], workers=workers)
    assert work.done(tmp_path, 1)


def test_workers_that_are_always_lost_end_in_one_clear_line(tmp_path):
    with pytest.raises(InputError, match="workers were lost 2 times, 2 of 2 jobs are missing"):
        run(work.killed_always, tmp_path, [0, 1], workers=2, retries=1)


def test_one_worker_is_this_process_and_two_are_others(tmp_path):
    run(work.process_of, tmp_path, [0, 1], workers=1)
    run(work.process_of, tmp_path, [0, 1, 2, 3], workers=2)  # 0 and 1 are finished: they are left as they are
    processes = [int((tmp_path / f"{job}.done").read_text()) for job in range(4)]
    assert processes[:2] == [os.getpid()] * 2 and os.getpid() not in processes[2:]


def test_processes_are_kept_for_the_next_call_and_replaced_if_they_died_meanwhile(tmp_path):
    run(work.process_of, tmp_path, [0], workers=2)
    first = int((tmp_path / "0.done").read_text())
    run(work.process_of, tmp_path, [1], workers=2)
    assert int((tmp_path / "1.done").read_text()) == first
    os.kill(first, signal.SIGKILL)
    run(work.process_of, tmp_path, [2], workers=2)
    assert int((tmp_path / "2.done").read_text()) != first


def test_a_lane_that_grows_by_half_a_gigabyte_is_kept(tmp_path, recwarn):
    calls = [partial(work.grown, tmp_path, megabytes) for megabytes in (0, 500, 0)]
    for number, call in enumerate(calls):
        compute(call, [number], partial(work.done, tmp_path), Engine(workers=2), "grow")
    assert len({(tmp_path / f"{number}.process").read_text() for number in range(3)}) == 1 and not recwarn.list


def test_a_scheduler_that_does_not_answer_is_named(tmp_path):
    with pytest.raises(InputError, match="engine.scheduler"):
        run(work.killed_always, tmp_path, [0], scheduler="tcp://127.0.0.1:1")
