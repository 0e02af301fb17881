#!/usr/bin/env bash
# Tests a bundle, whole or in pieces: bundle-test.sh ARCHIVE.tar.xz
#
# Checks the checksums, unpacks the bundle into an empty root that has nothing else but what its README.txt names, and runs there doctor
# and the demo on the processor, without a network and as a user without rights. Needs unshare (util-linux), as root or with user namespaces.
set -euo pipefail

[ $# -eq 1 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
fail() {
	printf 'bundle-test: %s\n' "$@" >&2
	exit 1
}

archive=$1
name=$(basename "$archive" .tar.xz)
(cd "$(dirname "$archive")" && sha256sum --quiet -c "$name.tar.xz.sha256") || fail "$archive is damaged"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
if [ -e "$archive" ]; then pieces=("$archive"); else pieces=("$archive".[0-9]*); fi
cat "${pieces[@]}" | xz -dc | tar -xf - -C "$root"
top=$root/$name
[ -x "$top/bin/dtl-tf" ] || fail "$archive has no $name/bin/dtl-tf"

# What README.txt names: the C library, GCC's two libraries, /proc, /tmp, /dev/null and /dev/urandom.
mkdir -p "$root"/{lib64,lib/x86_64-linux-gnu,proc,tmp,dev}
chmod 755 "$root"; chmod 1777 "$root/tmp"
loader=/lib64/ld-linux-x86-64.so.2
cp -L "$loader" "$root/lib64/"
for library in libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libresolv.so.2 libstdc++.so.6 libgcc_s.so.1; do
	path=$(ldconfig -p | awk -v name="$library" '$1 == name && /x86-64/ { print $NF; exit }')
	[ -n "$path" ] || fail "this machine has no $library"
	cp -L "$path" "$root/lib/x86_64-linux-gnu/"
done
(cd "$root" && find . -type f -not -path "./$name/*" | sort) >&2

# No path of the machine that built the program.
if grep -qF "$(cd "$(dirname "$0")/.." && pwd)" "$top/bin/dtl-tf"; then fail "bin/dtl-tf has a path of this machine in it"; fi

inside() { # COMMAND...: in the root
	local flags=(--mount --pid --net --fork)
	[ "$(id -u)" = 0 ] || flags+=(--map-root-user)
	# shellcheck disable=SC2016 # the inner shell expands
	unshare "${flags[@]}" sh -ec '
		root=$1 user=$2; shift 2
		mount -t proc proc "$root/proc"
		for device in null urandom; do : >"$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"; done
		PATH=$PATH:/usr/sbin:/sbin
		exec env -i HOME=/tmp PATH="$PATH" chroot $user "$root" "$@"' sh "$root" "$([ "$(id -u)" != 0 ] || echo --userspec=65534:65534)" "$@"
}

logs=$(mktemp -d)
trap 'rm -rf "$root" "$logs"' EXIT
inside "/$name/bin/dtl-tf" doctor 2>&1 | tee "$logs/doctor.txt"
grep -q 'All is well' "$logs/doctor.txt" || grep -q 'What is wrong' "$logs/doctor.txt" || fail "doctor ended early"
if [ -d "$top/lib" ] && [ "$(inside "/$name/bin/dtl-tf" --version 2>&1 | grep -c .)" -ne 1 ]; then fail "--version prints more than a line"; fi
inside "/$name/bin/dtl-tf" fine-tune --data "/$name/demo/digits" --method dtl --epochs "${EPOCHS:-20}" --lr 0.01 --out /tmp/demo 2>&1 | tee "$logs/demo.txt" | tail -n 12
accuracy=$(sed -n 's/.*"top1": *\([0-9.]*\).*/\1/p' "$root/tmp/demo/run.json" | head -n 1)
echo "bundle-test: $archive works in an empty root; top-1 ${accuracy:-unknown}"
