"Are the notebooks exported and clean? nbdev_export and nbdev_clean must change nothing, tried on a copy"
import shutil, subprocess, sys, tempfile
from pathlib import Path

root = Path(__file__).resolve().parent.parent
bins = Path(sys.executable).parent


def files(at): return {p.relative_to(at): p.read_bytes() for d in ("nbs", "mmfuse_nb") for p in sorted((at/d).rglob("*")) if p.suffix in (".ipynb", ".py")}


def main():
    with tempfile.TemporaryDirectory() as tmp:
        copy = Path(tmp)/"copy"
        copy.mkdir()
        shutil.copy(root/"settings.ini", copy)
        ignore = shutil.ignore_patterns(".*", "__pycache__", "assets", "runs", "_proc")
        for d in ("nbs", "mmfuse_nb"): shutil.copytree(root/d, copy/d, ignore=ignore)
        before, bad = files(copy), []
        for cmd, cure in (("nbdev_export", "run nbdev_export and commit the modules"), ("nbdev_clean", "run nbdev_clean")):
            r = subprocess.run([bins/cmd], cwd=copy, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if r.returncode: print(r.stdout); return 1
            after = files(copy)
            bad += [f"  {p}: {cmd} changes it; {cure}" for p in sorted({*before, *after}) if before.get(p) != after.get(p)]
            before = after
    print(*bad or [f"  {sum(p.suffix == '.ipynb' for p in before)} notebooks are exported and clean"], sep="\n", flush=True)
    return bool(bad)


if __name__ == "__main__": sys.exit(main())
