"""Measure a recording, any recording: `python check.py FILE`."""

import sys

import onetake

try:
    report = onetake.check(sys.argv[1])
except onetake.InvalidRecording as error:
    sys.exit(f"{error.message}; {error.hint}")
print(report.verdict)
for finding in report.findings:
    print(f"{finding.severity}: {finding.message}")
for offset in report.offsets:
    print(f"{offset.path}: {offset.median_ms:+.2f} ms after the picture")
