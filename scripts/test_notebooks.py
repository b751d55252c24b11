"Run every notebook with nbdev_test, each in a process of its own: a time limit, one line a notebook, errors at the end"
import argparse, faulthandler, gc, importlib, os, shutil, signal, sys, tempfile, time
from pathlib import Path

root = Path(__file__).resolve().parent.parent
# What nearly every notebook imports. Processes are forked from one that has it, where only threads of libraries that allow for a fork run
WARM = ("nbdev.test", "IPython", "pandas", "plotly.graph_objects", "scipy.stats", "sklearn.metrics", "tensorflow", "keras")
ENV = dict(TF_CPP_MIN_LOG_LEVEL="3", PYTHONHASHSEED="0", TQDM_MININTERVAL="10")


def notebooks(slow=False):
    "The tutorials, which take longest, then notebooks in the order of their numbers; with `slow` those that have slow cells"
    found = sorted(p for p in (root/"nbs").rglob("*.ipynb") if not any(o.startswith((".", "_")) for o in p.relative_to(root).parts))
    found.sort(key=lambda p: p.parent.name != "tutorials")
    return [p for p in found if not slow or "#| slow" in p.read_text(encoding="utf-8")]


def run(path, limit, slow, out):
    "In a process of its own: a notebook, printing into a file. One that crashes or is not done in time says where each of its threads is"
    os.setsid()  # what it starts ends with it
    with open(os.devnull) as nothing: os.dup2(nothing.fileno(), 0)
    for stream in (1, 2): os.dup2(out.fileno(), stream)
    faulthandler.enable()
    faulthandler.dump_traceback_later(limit, exit=True)
    sys.modules["nbdev.test"].nbdev_test(path=str(path), flags="slow" if slow else "", n_workers=0)


class Test:
    "A notebook that is being run"
    def __init__(self, path, limit, slow):
        self.path, self.out, self.start, self.end = path, tempfile.TemporaryFile(), time.time(), time.time() + limit + 30
        self.ipython = tempfile.mkdtemp(prefix="ipython-")  # two processes would share one database of IPython's history
        if (pid := os.fork()) == 0:
            os.environ["IPYTHONDIR"] = self.ipython
            run(path, limit, slow, self.out)
            sys.exit()
        self.pid = pid

    def ended(self):
        "Whether it is over, and told"
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid and time.time() < self.end: return False
        self.kill()
        self.out.seek(0)
        said, code = self.out.read().decode(errors="replace").strip(), os.waitstatus_to_exitcode(status) if pid else "nothing in time"
        self.failed = "" if code == 0 and "Success." in said.splitlines() else f"{said}\nnbdev_test ended with {code}"
        print(f"  {'FAILED' if self.failed else 'ok':6} {time.time() - self.start:6.1f} s  {self.path.relative_to(root)}", flush=True)
        return True

    def kill(self):
        "End it, with all that it started"
        try: os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError: pass
        shutil.rmtree(self.ipython, ignore_errors=True)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--slow", action="store_true", help="also run the cells marked #| slow, of the notebooks that have some")
    p.add_argument("--workers", type=int, default=2)
    p.add_argument("--limit", type=int, help="seconds a notebook may take")
    p.add_argument("paths", nargs="*", type=Path)
    a = p.parse_args()
    if any(os.environ.get(n) != v for n, v in ENV.items()): os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ENV})
    paths, limit = [o.resolve() for o in a.paths] or notebooks(a.slow), a.limit or (6*3600 if a.slow else 600)
    start, waiting, going, broken = time.time(), paths[::-1], [], []
    for name in WARM: importlib.import_module(name)
    gc.freeze()  # what is held already is not gone through again in each process
    try:
        while waiting or going:
            while waiting and len(going) < (1 if a.slow else a.workers): going.append(Test(waiting.pop(), limit, a.slow))
            time.sleep(.05)
            over = [o for o in going if o.ended()]
            going, broken = [o for o in going if o not in over], broken + [o for o in over if o.failed]
    except KeyboardInterrupt:
        for o in going: o.kill()
        raise
    for o in broken: print(f"\n---- {o.path.relative_to(root)}\n{o.failed[-6000:]}")
    print(f"{len(paths) - len(broken)} of {len(paths)} notebooks ran through in {time.time() - start:.0f} s", flush=True)
    return bool(broken)


if __name__ == "__main__": sys.exit(main())
