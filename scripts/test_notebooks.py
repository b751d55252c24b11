"Run every notebook with nbdev_test, each in a process of its own: a time limit, one line a notebook, errors at the end"
import argparse, os, subprocess, sys, tempfile, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

root = Path(__file__).resolve().parent.parent
bins = Path(sys.executable).parent
# A notebook that crashes or is not done in time says where each of its threads is
RUN = """import faulthandler, runpy, sys
faulthandler.enable()
faulthandler.dump_traceback_later(int(sys.argv.pop(1)), exit=True)
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")"""


def notebooks(slow=False):
    "The tutorials, which take longest, then notebooks in the order of their numbers; with `slow` those that have slow cells"
    found = sorted(p for p in (root/"nbs").rglob("*.ipynb") if not any(o.startswith((".", "_")) for o in p.relative_to(root).parts))
    found.sort(key=lambda p: p.parent.name != "tutorials")
    return [p for p in found if not slow or "#| slow" in p.read_text(encoding="utf-8")]


def test(path, limit, slow):
    "Seconds and, where it failed, what was printed"
    own = tempfile.TemporaryDirectory(prefix="ipython-")  # two processes would share one database of IPython's history
    env = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3", PYTHONHASHSEED="0", TQDM_MININTERVAL="10", IPYTHONDIR=own.name)
    cmd = [sys.executable, "-c", RUN, str(limit), bins/"nbdev_test", "--path", path, "--n_workers", "0", *(["--flags", "slow"] if slow else [])]
    start = time.time()
    try:
        r = subprocess.run(cmd, cwd=root, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, errors="replace", timeout=limit + 30)
        failed = r.stdout if r.returncode else ""
        if r.returncode and not failed.strip(): failed = f"nbdev_test ended with {r.returncode} and said nothing"
    except subprocess.TimeoutExpired as e:
        failed = f"still there {limit + 30} s after its start\n" + (e.stdout or b"").decode(errors="replace")
    own.cleanup()
    return time.time() - start, failed


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--slow", action="store_true", help="also run the cells marked #| slow, of the notebooks that have some")
    p.add_argument("--workers", type=int, default=2)
    p.add_argument("--limit", type=int, help="seconds a notebook may take")
    p.add_argument("paths", nargs="*", type=Path)
    a = p.parse_args()
    paths, limit = [o.resolve() for o in a.paths] or notebooks(a.slow), a.limit or (6*3600 if a.slow else 600)
    broken, start = [], time.time()
    with ThreadPoolExecutor(1 if a.slow else a.workers) as pool:
        for path, (seconds, failed) in zip(paths, pool.map(lambda o: test(o, limit, a.slow), paths)):
            print(f"  {'FAILED' if failed else 'ok':6} {seconds:6.1f} s  {path.relative_to(root)}", flush=True)
            if failed: broken.append((path, failed))
    for path, failed in broken: print(f"\n---- {path.relative_to(root)}\n{failed[-6000:].rstrip()}")
    print(f"{len(paths) - len(broken)} of {len(paths)} notebooks ran through in {time.time() - start:.0f} s", flush=True)
    return bool(broken)


if __name__ == "__main__": sys.exit(main())
