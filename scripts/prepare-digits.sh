#!/usr/bin/env bash
# Makes data/digits, the demo's data set: the 1,797 handwritten digits of the UCI machine learning
# repository, which come with scikit-learn, as 8x8 PNG images in the VTAB-1k folder layout.
#
#   scripts/prepare-digits.sh [FOLDER]
#
# Does nothing if FOLDER is already complete; an interruption leaves no partial result.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
target=${1:-$root/data/digits}

# The wheel is only the archive with the images, so any platform's will do. This one is the
# smallest (3.9 MB), and its digits.csv.gz is the same as in current versions.
package=scikit-learn==0.19.2
sha=c69e5c6051366a6ac9600d730276db939b1a205e42504ec0b8371f154b0058db

# SOURCE.txt is the last file written.
if [ -f "$target/SOURCE.txt" ]; then exit 0; fi
if [ -e "$target" ]; then
	echo "prepare-digits: $target exists and is not a complete set of digits: move it away" >&2
	exit 1
fi

mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$(dirname "$target")/.digits.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

echo "preparing 1,797 handwritten digits from the scikit-learn wheel (4 MB, once)" >&2
wheel=$("$root/scripts/fetch-wheel.sh" "$package" "$sha" win32 3.6 cp36m "$work/wheel")
"${PYTHON:-python3}" "$root/scripts/prepare_digits.py" "$wheel" "$work/digits"
chmod 755 "$work/digits"
# A simultaneous run may have finished first; its folder is the same.
[ -e "$target" ] || mv "$work/digits" "$target"
