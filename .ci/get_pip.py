"""Run pip from the wheel beside this file: stands in for the get-pip.py that ansible-test would fetch."""

import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(next(Path(__file__).parent.glob("pip-*.whl"))))
sys.argv[1:] = ["install", *(word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel"))]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
