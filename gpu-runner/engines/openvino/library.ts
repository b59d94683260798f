/** @file Where OpenVINO's C library is on this machine, and what its CPU is good for. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolderOf } from '../../../configs/cache-folder.ts';
import { ENGINE_PACKAGES, enginePackageFolder } from '../../../configs/engine-packages.ts';
import { cpuField, readCpuInfo } from '../cpu-info.ts';

/** Units that multiply bfloat16 in hardware; without them bf16 is slower than f32. */
const BF16_FLAGS: ReadonlySet<string> = new Set(['avx512_bf16', 'amx_bf16']);

export type FoundLibrary =
  | { readonly path: string }
  /** `missing`: why there is none and what to do. `installable`: `easel engines install` would bring one. */
  | { readonly path?: never; readonly missing: string; readonly installable: boolean };

/** OPENVINO_LIB if it is set, else what `easel engines install openvino` has put into the cache folder. */
export function findLibrary(env: Readonly<Record<string, string | undefined>> = process.env): FoundLibrary {
  const given = env.OPENVINO_LIB;
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
      ? 'it is not installed: `easel engines install openvino` does that'
      : `no package is pinned for ${platform}: install OpenVINO and set OPENVINO_LIB to its libopenvino_c library`,
  };
}

/** Whether the CPU has bfloat16 units; false where there is no /proc/cpuinfo. */
export function hasBf16Units(cpuinfo = readCpuInfo()): boolean {
  return cpuField('flags', cpuinfo)
    .split(' ')
    .some(flag => BF16_FLAGS.has(flag));
}
