"Run every benchmark, one after the other, and write what each printed to benchmarks/RESULTS.md"
import datetime, json, subprocess, sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
EXPERIMENTS = {"operators.py", "unlabelled.py"}  # an hour and more; `make slow` runs them


def result(program):
    "What a program printed last, as JSON; or why it ended"
    r = subprocess.run([sys.executable, program], cwd=root, capture_output=True, text=True)
    lines = [o for o in r.stdout.splitlines() if o.startswith("{")]
    return json.loads(lines[-1]) if lines and not r.returncode else {"name": program.stem, "failed": (r.stderr.strip().splitlines() or ["no output"])[-1]}


def main():
    found = []
    for program in sorted(p for p in (root/"benchmarks").glob("*.py") if p.name not in EXPERIMENTS):
        print(f"  {program.name} …", flush=True)
        found.append(result(program))
        print(f"    {json.dumps(found[-1])}", flush=True)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True).stdout.strip()
    lines = [f"# Benchmarks\n\nAt commit {commit or 'unknown'}, {datetime.date.today()}. Ratios count, seconds depend on the machine. A goal stands beside its figure as `goal_…`.\n"]
    for f in found: lines += [f"## {f.pop('name')}\n", *(f"- {k}: {v}" for k, v in f.items()), ""]
    (root/"benchmarks"/"RESULTS.md").write_text("\n".join(lines), encoding="utf-8")
    return any("failed" in f for f in found)


if __name__ == "__main__": sys.exit(main())
