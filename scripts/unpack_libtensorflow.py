#!/usr/bin/env python3
"""Unpacks libtensorflow and its C headers from a TensorFlow wheel: unpack_libtensorflow.py WHEEL FOLDER.

Writes FOLDER/lib, FOLDER/include and FOLDER/licences, about 700 MB of the wheel's gigabyte. Needs only the standard
library. If the wheel has an unexpected layout, it fails and names what is missing.
"""

import os
import shutil
import sys
import zipfile

# All headers that tensorflow/c/c_api.h and tensorflow/c/eager/c_api.h include, below tensorflow/include.
HEADERS = """
tensorflow/c/c_api.h
tensorflow/c/c_api_macros.h
tensorflow/c/eager/c_api.h
tensorflow/c/tf_attrtype.h
tensorflow/c/tf_buffer.h
tensorflow/c/tf_datatype.h
tensorflow/c/tf_status.h
tensorflow/c/tf_tensor.h
tensorflow/c/tf_tstring.h
tensorflow/core/platform/ctstring.h
tsl/platform/ctstring.h
tsl/platform/ctstring_internal.h
xla/tsl/c/tsl_status.h
""".split()

# Name in the wheel -> the name that the linker's -l looks for. Linux, then macOS.
LIBRARIES = [
    {"libtensorflow_cc.so.2": "libtensorflow.so", "libtensorflow_framework.so.2": "libtensorflow_framework.so"},
    {"libtensorflow_cc.2.dylib": "libtensorflow.dylib", "libtensorflow_framework.2.dylib": "libtensorflow_framework.dylib"},
]


def unpack(archive, name, path):
    """Copies one file of the archive to path; zipfile checks its CRC on the way."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with archive.open(name) as source, open(path, "wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)


def licences(names):
    """Name in the wheel -> file name, of the licences of TensorFlow, of what it includes and of its headers."""
    found = {}
    for name in sorted(names):
        base = os.path.basename(name)
        if name == "tensorflow/include/LICENSE":
            found[name] = "TENSORFLOW.txt"
        elif name == "tensorflow/THIRD_PARTY_NOTICES.txt":
            found[name] = "TENSORFLOW_NOTICES.txt"
        elif name.startswith("tensorflow/include/") and base.split(".")[0] in ("LICENSE", "COPYING"):
            found[name] = "TENSORFLOW_" + name.removeprefix("tensorflow/include/").removesuffix(".txt").removesuffix(".TXT").replace("/", "_") + ".txt"
    return found


def main(wheel, folder):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        libraries = next((l for l in LIBRARIES if all("tensorflow/" + n in names for n in l)), None)
        missing = [h for h in HEADERS if "tensorflow/include/" + h not in names]
        if libraries is None or missing:
            sys.exit(f"{wheel}: not the expected wheel: it lacks {', '.join(missing) or 'libtensorflow_cc'}")
        for header in HEADERS:
            unpack(archive, "tensorflow/include/" + header, os.path.join(folder, "include", header))
        for name, link in libraries.items():
            path = os.path.join(folder, "lib", name)
            unpack(archive, "tensorflow/" + name, path)
            os.chmod(path, 0o755)
            os.symlink(name, os.path.join(folder, "lib", link))
        for name, path in licences(names).items():
            unpack(archive, name, os.path.join(folder, "licences", path))
        # On Linux arm64 the wheel includes OpenMP; the library looks for it in ../tensorflow.libs.
        for name in names:
            if name.startswith("tensorflow.libs/") and not name.endswith("/"):
                unpack(archive, name, os.path.join(folder, name))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
