"""What scripts/bench needs to measure mail proxies beside each other. See ../README.md."""
import pathlib
import sys

# Rooms, ports and certificates are those of the system tests.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "system"))
