"`import mmfuse_nb` beside `import keras`: seconds in a fresh process, alternating, medians of 5; goal 0.3 s"
import json, os, statistics, subprocess, sys


def seconds(module):
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}).stdout)


if __name__ == "__main__":
    pairs = [(seconds("mmfuse_nb"), seconds("keras")) for _ in range(5)]
    ours, keras = (statistics.median(p) for p in zip(*pairs))
    print(json.dumps({"name": "import", "seconds": round(ours, 4), "keras_seconds": round(keras, 2), "ratio": round(ours/keras, 4), "goal_seconds": .3}))
