#!/usr/bin/env python3
"""Unpacks one part of CUDA from NVIDIA's wheel: unpack_cuda.py WHEEL PART FOLDER.

Writes what runs (libraries, ptxas, libdevice) and the licence into FOLDER, without headers and Python code. Standard library only.
"""

import os
import shutil
import sys
import zipfile


def wanted(path):
    return (path.startswith("lib/") and ".so" in path) or path in ("bin/ptxas", "nvvm/libdevice/libdevice.10.bc")


def main(wheel, part, folder):
    prefix = "nvidia/" + part + "/"
    with zipfile.ZipFile(wheel) as archive:
        files = {n: n.removeprefix(prefix) for n in archive.namelist() if n.startswith(prefix) and wanted(n.removeprefix(prefix))}
        if not files:
            sys.exit(f"{wheel}: not the expected wheel: it has no library in {prefix}")
        files |= {n: "License.txt" for n in archive.namelist() if n.endswith(".dist-info/License.txt")}
        for name, path in files.items():
            path = os.path.join(folder, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with archive.open(name) as source, open(path, "wb") as sink:  # zipfile checks the CRC on the way
                shutil.copyfileobj(source, sink, 1 << 20)
            os.chmod(path, 0o755 if name.endswith("/ptxas") else 0o644)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
