"""A Dask cluster: the same pieces of work on other processes and machines.

    with open_cluster("tcp://10.0.0.1:8786") as cluster, engine_of(cluster):
        fit_out_of_fold(...)

What a worker is sent is a function and its arguments, small; what it makes it writes into folders
that all machines see (`shared`). A worker that does not see them, or has other versions, gets no
work. Whatever becomes of workers, each piece is done: Dask gives those of a dead worker to others,
and one that seems to kill them is tried when nothing else is under way, then given up as `lost`.
"""

import gc
import logging
import os
import re
import sys
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

import joblib

from predictions.engines.child import work_in_child
from predictions.engines.local import killed_each_time
from predictions.errors import InputError
from predictions.notes import Note, NoteKind
from predictions.versions import installed_versions

if TYPE_CHECKING:
    from distributed import Client, Future

Result = TypeVar("Result")
Piece = tuple[Any, ...]

#: What a worker must have in the same version, as results depend on it.
_PACKAGES = (
    *("fakeodds", "numpy", "pandas", "scikit-learn", "xgboost", "torch", "timm", "av", "openvino"),
    *("pyarrow", "tensorflow"),
)
#: Pieces under way for each thread of the cluster: so many that none waits for the next.
_AHEAD = 2
#: Seconds between two looks at who works.
_LOOK = 2.0
#: What is to be done about a piece of work that kills whatever does it.
_REMEDY = "give workers more memory; the same command then goes on from here"
#: Seconds for a cluster to answer at all.
_ANSWER = 30

OPENED = NoteKind(
    "engine.opened",
    "Dask at {address}: {workers:worker} with {threads:thread}; dashboard at {dashboard}.",
)
LEFT_OUT = NoteKind("engine.left-out", "{worker} gets no work: {why}.")
NOBODY = NoteKind("engine.nobody", "No worker is there; the work waits until one comes.")
CHANGED = NoteKind("engine.changed", "{workers:worker} with {threads:thread} at work.")
NOT_OFFERED = NoteKind(
    "engine.not-offered",
    "No worker offers {needs}, which each {kind} takes (dask worker --resources); the work waits "
    "until one does.",
)
AGAIN = NoteKind(
    "engine.again",
    "{pieces} pieces of work were with workers that died; each is tried by itself at the end.",
)


class Cluster:
    """A Dask cluster that does pieces of work.

    Attributes:
        client: connected to its scheduler.
        needs: kind of work -> resources that a piece takes of its worker while it is done, by name:
            {"training": {"GPU": 1}}.
        tell: called with each note.
    """

    def __init__(
        self,
        client: "Client",
        *,
        needs: Mapping[str, Mapping[str, float]] | None = None,
        tell: Callable[[Note], None] = lambda note: None,
    ) -> None:
        self.client, self.needs, self.tell = client, dict(needs or {}), tell

    @property
    def width(self) -> int:
        """Pieces that are done at once by the workers that there are; at least 1."""
        return max(1, sum(_threads(self.client).values()))

    @property
    def threads_a_host(self) -> int:
        """Pieces that are done at once on the machine that does most of them; at least 1."""
        threads: Counter[str] = Counter()
        for worker in self.client.scheduler_info()["workers"].values():
            threads[str(worker["host"])] += int(worker["nthreads"])
        return max(threads.values(), default=1)

    def work(
        self,
        work: Callable[..., Result],
        pieces: Iterator[tuple[int, Piece]],
        lost: Callable[..., Result] | None = None,
        shared: Sequence[Path] = (),
        kind: str = "",
    ) -> Iterator[tuple[int, Result]]:
        """Number and result of each piece as they come.

        Args:
            work: a function of a module, which workers can import; a piece may be done twice.
            pieces: by number.
            lost: lost(*piece) is the result of a piece that kills whatever does it.
            shared: folders and files that pieces read or write.
            kind: of work: see `needs`.

        Raises:
            InputError: no worker sees these, or has the same versions; the scheduler is gone; or
                there was a piece that is lost, and no `lost`.
        """
        name = f"{getattr(work, '__name__', 'work')}-{uuid.uuid4().hex}"
        crew = _Crew(self.client, shared, self.tell)
        self._tell_of_needs(kind)
        under_way: dict[Future[Result], _Sent] = {}
        deadly: list[tuple[int, Piece]] = []
        done: SimpleQueue[Future[Result]] = SimpleQueue()
        sent = count()

        def send(number: int, piece: Piece) -> None:
            chosen = crew.chosen
            future = self.client.submit(
                _on_worker,
                *(work, piece, lost, os.getcwd()),
                key=(name, next(sent)),
                pure=False,
                resources=dict(self.needs.get(kind, {})) or None,
                workers=chosen,
            )
            under_way[future] = _Sent(number, piece, chosen)
            future.add_done_callback(done.put)

        def feed() -> None:
            crew.look()
            free = _AHEAD * crew.width + 1 - len(under_way)
            for number, piece in islice(pieces, max(0, free)):
                send(number, piece)

        def send_again() -> None:
            """What only workers may do that are gone goes to those that are there."""
            for future, piece in list(under_way.items()):
                if piece.workers is not None and not crew.has_any(piece.workers):
                    del under_way[future]
                    self.client.cancel([future], force=True)
                    send(piece.number, piece.piece)

        def results(*, feeds: bool) -> Iterator[tuple[int, Result]]:
            while under_way:
                try:
                    future = done.get(timeout=_LOOK)
                except Empty:
                    crew.look()
                    send_again()
                    continue
                if future not in under_way:  # sent again meanwhile
                    continue
                number, piece = under_way[future].number, under_way.pop(future).piece
                outcome = self._outcome(future)
                if outcome is _DEADLY:
                    deadly.append((number, piece))
                elif outcome is _GONE:
                    send(number, piece)
                else:
                    yield number, outcome
                future.release()
                if feeds:
                    feed()

        try:
            feed()
            yield from results(feeds=True)
            suspects, deadly = deadly, []
            if suspects:
                self.tell(AGAIN(pieces=len(suspects)))
            for number, piece in suspects:
                send(number, piece)
                yield from results(feeds=False)
                if deadly:
                    deadly.clear()
                    if lost is None:
                        raise killed_each_time(_REMEDY)
                    yield number, lost(*piece)
        except (OSError, CancelledError) as error:
            raise _scheduler_gone() from error
        finally:
            if under_way and self.client.status == "running":
                self.client.cancel(list(under_way), force=True)

    def _tell_of_needs(self, kind: str) -> None:
        needs = self.needs.get(kind, {})
        workers = self.client.scheduler_info()["workers"].values()
        offered = [worker.get("resources") or {} for worker in workers]
        if needs and not any(
            all(one.get(name, 0) >= number for name, number in needs.items()) for one in offered
        ):
            named = ", ".join(f"{name}={number:g}" for name, number in needs.items())
            self.tell(NOT_OFFERED(needs=named, kind=kind))

    def _outcome(self, future: "Future[Result]") -> Any:
        """What came of a piece: its result, `_DEADLY` or `_GONE`; raises what it raised."""
        from distributed import KilledWorker
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        if future.status == "finished":
            return future.result()
        if self.client.status != "running":
            raise _scheduler_gone()
        if future.status != "error":
            return _GONE
        error = future.exception()
        if isinstance(error, KilledWorker):
            return _DEADLY
        if isinstance(error, TerminatedWorkerError):
            raise killed_each_time(_REMEDY) from error
        raise error


@dataclass(frozen=True, eq=False)
class _Sent:
    """A piece that is under way.

    Attributes:
        number, piece: itself.
        workers: the addresses of those that may do it; None: of all.
    """

    number: int
    piece: Piece
    workers: list[str] | None


class _Crew:
    """The workers that are fit for one work: they have the same versions, and see what it reads."""

    def __init__(
        self, client: "Client", shared: Sequence[Path], tell: Callable[[Note], None]
    ) -> None:
        self.client, self.shared, self.tell = client, shared, tell
        self._threads: dict[str, int] = {}
        self._unfit: dict[str, str] = {}
        self._looked: float | None = None

    @property
    def width(self) -> int:
        """Pieces that are done at once; at least 1."""
        return max(1, sum(self._threads.values()))

    @property
    def chosen(self) -> list[str] | None:
        """Their addresses where not all that are there are fit."""
        return list(self._threads) if self._unfit else None

    def has_any(self, workers: Sequence[str]) -> bool:
        """Whether one of them is there and fit."""
        return not self._threads.keys().isdisjoint(workers)

    def look(self) -> None:
        """See from time to time who is there; those that came are asked whether they are fit.

        Raises:
            InputError: workers are there, and none is fit.
        """
        if self._looked is not None and time.monotonic() - self._looked < _LOOK:
            return
        there = _threads(self.client)
        known = {*self._threads, *self._unfit}
        came = [address for address in there if address not in known]
        answers = self._answers(came) if came else {}
        unfit = {worker: why for worker, why in answers.items() if why}
        for worker, why in unfit.items():
            self.tell(LEFT_OUT(worker=worker, why=why))
        self._unfit = {w: why for w, why in {**self._unfit, **unfit}.items() if w in there}
        fit = {*self._threads, *answers} - unfit.keys()
        threads = {worker: number for worker, number in there.items() if worker in fit}
        if self._unfit and not threads:
            worker, why = next(iter(self._unfit.items()))
            raise InputError(
                f"no worker of the cluster is fit for this: {worker} {why}",
                option="--engine",
                remedy="mend that, and give the same command again",
            )
        if not threads and (self._threads or self._looked is None):
            self.tell(NOBODY())
        elif threads and self._looked is not None and len(threads) != len(self._threads):
            self.tell(CHANGED(workers=len(threads), threads=sum(threads.values())))
        self._threads, self._looked = threads, time.monotonic()

    def _answers(self, workers: list[str]) -> dict[str, str]:
        """Why each of the workers is not fit, or ""; those that went meanwhile are left out."""
        with _sign(self.shared) as sign:
            paths = [str(path.absolute()) for path in self.shared if path.exists()]
            answers = self.client.run(
                *(_fitness, _versions(), paths, sign), workers=workers, on_error="return"
            )
        return {worker: why for worker, why in answers.items() if isinstance(why, str)}


def _threads(client: "Client") -> dict[str, int]:
    """Address of each worker -> its threads."""
    workers = client.scheduler_info()["workers"]
    return {address: int(worker["nthreads"]) for address, worker in workers.items()}


def _scheduler_gone() -> InputError:
    return InputError(
        "the scheduler is gone",
        option="--engine",
        remedy="start it again, and give the same command: what is done is kept",
    )


#: Instead of a result: the piece was with workers that died; it was given back undone.
_DEADLY, _GONE = object(), object()


@contextmanager
def open_cluster(
    where: str,
    *,
    jobs: int | None = -1,
    needs: Mapping[str, Mapping[str, float]] | None = None,
    tell: Callable[[Note], None] = lambda note: None,
) -> Iterator[Cluster]:
    """A cluster to work with; one that was there before stays as it is.

    Args:
        where: `dask` (workers on this machine, ended afterwards), the address of a scheduler, or a
            file in which it has written that.
        jobs: of `dask`: how many workers (-1: one a core).
        needs, tell: of `Cluster`.

    Raises:
        InputError: Dask is not installed, or nobody answers there.
    """
    try:
        import distributed
    except ImportError as error:
        raise InputError(
            "Dask is not installed", option="--engine", remedy="pip install 'fakeodds[dask]'"
        ) from error
    log = logging.getLogger("distributed")
    level = log.level
    log.setLevel(logging.CRITICAL)  # what becomes of workers is told in our words
    with ExitStack() as stack:
        stack.callback(log.setLevel, level)
        try:
            client = stack.enter_context(_client(where, jobs, stack))
        # What a file holds that no scheduler has written ends in the last three.
        except (
            OSError,
            ValueError,
            distributed.TimeoutError,
            TypeError,
            KeyError,
            AssertionError,
        ) as error:
            # The half-made client goes now. Where Python collects it while another one begins, it
            # waits for a lock that this one holds, for ever.
            traceback.clear_frames(error.__traceback__)
            gc.collect()
            raise InputError(
                f"no scheduler answers at {where}",
                option="--engine",
                expected="dask, tcp://HOST:8786, or the file that a scheduler writes",
                remedy="start one (dask scheduler), or use --engine local",
            ) from error
        info = client.scheduler_info()
        threads = sum(worker["nthreads"] for worker in info["workers"].values())
        tell(
            OPENED(
                address=info["address"],
                workers=len(info["workers"]),
                threads=threads,
                dashboard=client.dashboard_link or "nowhere",
            )
        )
        yield Cluster(client, needs=needs, tell=tell)


def _client(where: str, jobs: int | None, stack: ExitStack) -> "Client":
    from distributed import Client, LocalCluster

    if where != "dask":
        if "://" in where or re.fullmatch(r"[^/]+:\d+", where):
            return Client(where, timeout=_ANSWER)
        _wait_for(Path(where))
        return Client(scheduler_file=where, timeout=_ANSWER)
    workers = LocalCluster(
        n_workers=joblib.effective_n_jobs(jobs),
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        memory_limit=0,  # what needs memory are processes of the workers, which Dask does not count
        silence_logs=logging.CRITICAL,
    )
    return Client(stack.enter_context(workers))


def _wait_for(file: Path) -> None:
    """Until a scheduler that was started a moment ago has written it."""
    until = time.monotonic() + _ANSWER
    while not (file.is_file() and file.stat().st_size):
        if time.monotonic() > until:
            raise FileNotFoundError(file)
        time.sleep(0.2)


def _on_worker(
    work: Callable[..., Result], piece: Piece, lost: Callable[..., Result] | None, folder: str
) -> Result:
    from distributed import get_worker

    threads = get_worker().state.nthreads
    return work_in_child(
        partial(_in_folder, work, folder),
        piece,
        None if lost is None else partial(_in_folder, lost, folder),
        threads,
    )


def _in_folder(work: Callable[..., Result], folder: str, *piece: Any) -> Result:
    """The work, by paths as they are where the command was given."""
    with suppress(OSError):  # where it is not there, nothing was named by it: see `_fitness`
        os.chdir(folder)
    return work(*piece)


@contextmanager
def _sign(shared: Sequence[Path]) -> Iterator[tuple[str, str] | None]:
    """A file in the first folder that is written to, and what stands in it, for others to read."""
    folder = next((path for path in shared if path.is_dir() and os.access(path, os.W_OK)), None)
    if folder is None:
        yield None
        return
    file, content = folder / f".seen-{uuid.uuid4().hex}", uuid.uuid4().hex
    file.write_text(content)
    try:
        yield str(file.absolute()), content
    finally:
        file.unlink(missing_ok=True)


def _versions() -> dict[str, str]:
    return {"Python": "{}.{}".format(*sys.version_info), **installed_versions(_PACKAGES)}


def _fitness(versions: dict[str, str], paths: list[str], sign: tuple[str, str] | None) -> str:
    """Why this worker can do no work, or nothing; called on it."""
    mine = _versions()
    other = [name for name in versions if mine.get(name) != versions[name]]
    if other:
        name = other[0]
        return f"has {name} {mine.get(name, 'not at all')}, and here it is {versions[name]}"
    for path in paths:
        if not os.path.exists(path):
            return f"does not see {path}"
    if sign is not None:
        try:
            if Path(sign[0]).read_text() != sign[1]:
                raise OSError
        except OSError:
            return f"sees another folder as {Path(sign[0]).parent}, where nothing of here is"
    return ""
