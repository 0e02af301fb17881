#!/usr/bin/env bash
# Builds an image from a bundle: image.sh ARCHIVE.tar.xz IMAGE [BUILD-FLAG ...]
#
# Unpacks the bundle into dist/image, for a CUDA bundle with CUDA's libraries from .deps beside it (scripts/fetch-cuda.sh), and has podman, docker
# or buildah build the Containerfile. BUILDER names another program; BASE is the image to start from.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 2 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
archive=$1 image=$2
shift 2
fail() {
	printf 'image: %s\n' "$@" >&2
	exit 1
}
if [ -e "$archive" ]; then pieces=("$archive"); else pieces=("$archive".[0-9]*); fi
[ -e "${pieces[0]}" ] || fail "there is no $archive: make bundle makes it"
builder=${BUILDER:-}
for name in podman docker buildah; do
	if [ -z "$builder" ] && command -v "$name" >/dev/null; then builder=$name; fi
done
[ -n "$builder" ] || fail "neither podman nor docker nor buildah is installed"

context=$root/dist/image
rm -rf "$context"
mkdir -p "$context"
cat "${pieces[@]}" | xz -dc | tar -xf - -C "$context"
mv "$context"/dtl-tf-* "$context/dtl-tf"
case ${archive##*/} in
*-cuda12*)
	CUDA=1 "$root/scripts/fetch-cuda.sh"
	rm -rf "$context/dtl-tf/nvidia"
	cp -al "$root/.deps/libtensorflow/nvidia" "$context/dtl-tf/nvidia"
	;;
esac
"$builder" build ${BASE:+--build-arg "BASE=$BASE"} --file "$root/Containerfile" --tag "$image" "$@" "$context"
rm -rf "$context"
echo "image: $image"
