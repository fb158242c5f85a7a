"""The commands of docs/cluster.md work: by hand, through Slurm's commands, and with a remote."""

import os
import re
import socket
from pathlib import Path

import pytest

from pipeline.cluster.worker import KEEP_MEMORY
from tests.end_to_end.conftest import ROOT, Copy

PAGE = ROOT / "docs" / "cluster.md"
BY_HAND, REMOTE = re.findall(r"```bash\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
[CONFIGURATION] = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
[SLURM] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)

SBATCH = """#!/bin/sh
# Stands in for Slurm's sbatch. There is no queue: the job starts at once.
cp "$1" "$0.$$"
nohup sh "$0.$$" >"$0.log" 2>&1 &
echo "Submitted batch job $!"
"""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_by_hand_and_configured(tiny: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEEP_MEMORY:  # set by Dask's nannies in other tests, and stronger than its configuration
        monkeypatch.delenv(name, raising=False)
    tiny.change(mfcc={"fmin": 40.0})
    (tmp_path / "memory.yaml").write_text(CONFIGURATION)
    block = BY_HAND.replace("8786", str(free_port())).replace("dvc repro", "dvc repro features")
    done = tiny.run("bash", "-ec", "trap 'kill $(jobs -p)' EXIT\n" + block, environment={"DASK_CONFIG": str(tmp_path)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Running stage 'features'" in done.stdout
    assert "returns memory at once" not in done.stderr
    assert re.search(r"distributed\.scheduler - INFO - Receive client connection", done.stderr)


def test_slurm(tiny: Copy, tmp_path: Path) -> None:
    tiny.change(mfcc={"fmin": 50.0})
    for name, text in (("sbatch", SBATCH), ("scancel", '#!/bin/sh\nkill "$@"\n')):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tiny.folder / "slurm.py").write_text(SLURM.replace('"repro"', '"repro", "features"'))
    path = os.pathsep.join([str(tmp_path), tiny.environment()["PATH"]])
    printed = tiny.succeed("python", "slurm.py", environment={"PATH": path})
    assert "Running stage 'features'" in printed
    assert [script.read_text().count("#SBATCH -p cpu") for script in tmp_path.glob("sbatch.[0-9]*")] == [1, 1]


def test_remote(tiny: Copy, tmp_path: Path) -> None:
    for line in REMOTE.replace("s3://my-bucket/lid", str(tmp_path / "remote")).splitlines():
        tiny.succeed(*line.split())
    assert list((tmp_path / "remote").rglob("*/*"))
