"""meter.py COMMAND…: runs it and prints, as JSON, what it and everybody it started consumed: CPU and wall time in ms, and
the most memory that one of its processes had, in MiB. Orphans (Chromium leaves some) become ours, so that they are counted."""

import ctypes
import json
import os
import resource
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
    sys.exit("this kernel knows no subreaper")
began = time.monotonic()
status = subprocess.call(sys.argv[1:], stdout=sys.stderr)
wall = time.monotonic() - began
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
used = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu = used.ru_utime + used.ru_stime
print(json.dumps({"cpu_ms": cpu * 1000, "wall_ms": wall * 1000, "rss_mib": used.ru_maxrss / 1024}))
sys.exit(status)
