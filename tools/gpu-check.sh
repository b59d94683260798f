#!/usr/bin/env bash
# Measures training on the GPU of this machine, without a network: from a folder that tools/gpu-check/pack.ts made, or
# from the repository. It needs bash, and for the folder tar and xz. Options are those of bench/gpu.ts, such as
# `--only prod-1,prod-2`, `--minutes 9` and `--json`. PLUGIN names a PJRT plugin; otherwise an installed jax has one.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
pack=$here/files.tar.xz

if [ -e "$pack" ]; then
  for tool in tar xz; do
    command -v "$tool" >/dev/null || { echo "$0 needs $tool" >&2; exit 1; }
  done
  # A folder that an earlier run unpacked is used again, unless the pack is newer.
  root=$here/unpacked
  [ -w "$here" ] || root=${TMPDIR:-/tmp}/easel-gpu-check
  if [ ! -e "$root/complete" ] || [ "$pack" -nt "$root/complete" ]; then
    rm -rf "$root"
    mkdir -p "$root"
    tar -xJf "$pack" -C "$root"
    touch "$root/complete"
  fi
  node=$root/bin/node
  # The loader of Vulkan, for machines whose driver comes without one.
  export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$root/lib
else
  root=$(dirname "$here")
  node=$root/node_modules/.bin/node
  [ -e "$node" ] || node=$(command -v node) || { echo "$0 needs Node 22.18 or newer: npm ci" >&2; exit 1; }
fi

# Some machines keep NVIDIA's Vulkan driver where the loader does not look.
for folder in /etc /usr/share /usr/local/share /usr/local/nvidia/share; do
  driver=$folder/vulkan/icd.d/nvidia_icd.json
  if [ -z "${VK_DRIVER_FILES:-}" ] && [ -e "$driver" ]; then export VK_DRIVER_FILES=$driver; fi
done

for argument in "$@"; do [ "$argument" != --json ] || quiet=1; done
if [ -z "${quiet:-}" ] && command -v nvidia-smi >/dev/null; then
  nvidia-smi --query-gpu=name,driver_version,compute_cap,memory.total --format=csv,noheader || true
fi
exec "$node" "$root/bench/gpu.ts" "$@"
