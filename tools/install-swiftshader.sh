#!/usr/bin/env bash
# Installs SwiftShader, a Vulkan device in software, from Debian's package chromium-common. The WebGPU tests run on it
# on machines without a GPU. If it fails, it says why and exits with 1. It takes 5 minutes at the most.
set -uo pipefail

driver=/usr/lib/chromium/vk_swiftshader_icd.json
package=chromium-common

refuse() {
  echo "SKIPPED: SwiftShader could not be installed: $1" >&2
  exit 1
}

if [ -e "$driver" ]; then
  echo "SwiftShader is installed: $driver"
  exit 0
fi
command -v apt-get >/dev/null && command -v timeout >/dev/null || refuse 'there is no apt-get'
[ "$(id -u)" = 0 ] || refuse "only root may: sudo $0"

export DEBIAN_FRONTEND=noninteractive
apt=(apt-get --quiet --quiet --yes --no-install-recommends -o DPkg::Lock::Timeout=20)
timeout 90 "${apt[@]}" update || refuse 'apt-get update failed or took too long'
# The download takes long; cut off here, it leaves nothing half installed.
timeout 150 "${apt[@]}" install --download-only "$package" || refuse "$package could not be downloaded"
timeout 60 "${apt[@]}" install "$package" || refuse "$package could not be unpacked"
[ -e "$driver" ] || refuse "$package does not have $driver here"
echo "SwiftShader is installed: $driver"
