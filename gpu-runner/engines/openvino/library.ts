/** @file Finds OpenVINO's C library on this machine, and bfloat16 units of the CPU. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolderOf } from '../../../configs/cache-folder.ts';
import { ENGINE_PACKAGES, enginePackageFolder } from '../../../configs/engine-packages.ts';
import { expandHome } from '../../../configs/home-path.ts';
import { cpuField, readCpuInfo } from '../cpu-info.ts';

/** CPU flags of units that multiply bfloat16. Without them bf16 is slower than f32. */
const BF16_FLAGS: ReadonlySet<string> = new Set(['avx512_bf16', 'amx_bf16']);

export type FoundLibrary =
  | { readonly path: string }
  /** `missing` says why and what to do. `installable`: `easel engines install openvino` can install it. */
  | { readonly path?: never; readonly missing: string; readonly installable: boolean };

/** OPENVINO_LIB if it is set, otherwise the library that `easel engines install openvino` put into the cache folder. */
export function findLibrary(env: Readonly<Record<string, string | undefined>> = process.env): FoundLibrary {
  const given = expandHome(env.OPENVINO_LIB ?? '');
  if (given) {
    return existsSync(given)
      ? { path: given }
      : {
          missing: `OPENVINO_LIB is ${given}, which does not exist: set it to the path of libopenvino_c.so`,
          installable: false,
        };
  }
  const pinned = ENGINE_PACKAGES['openvino/cpu'];
  const path = join(enginePackageFolder(cacheFolderOf(env), pinned), pinned.library);
  if (existsSync(path)) return { path };
  const platform = `${process.platform}-${process.arch}`;
  const installable = pinned.wheels[platform] !== undefined;
  return {
    installable,
    missing: installable
      ? 'it is not installed: run `easel engines install openvino`'
      : `no package is pinned for ${platform}: install OpenVINO and set OPENVINO_LIB to its libopenvino_c library`,
  };
}

/** True if the CPU has bfloat16 units; false if /proc/cpuinfo does not exist. */
export function hasBf16Units(cpuinfo = readCpuInfo()): boolean {
  return cpuField('flags', cpuinfo)
    .split(' ')
    .some(flag => BF16_FLAGS.has(flag));
}
