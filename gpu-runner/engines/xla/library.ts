/** @file Finds the plugins of XLA on this machine, and the CUDA tools that the plugin for CUDA compiles with. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolderOf } from '../../../configs/cache-folder.ts';
import { ENGINE_PACKAGES, enginePackageFolder } from '../../../configs/engine-packages.ts';
import { expandHome } from '../../../configs/home-path.ts';

export type XlaPlatform = 'cpu' | 'cuda';
export type XlaEngineName = `xla/${XlaPlatform}`;
type Environment = Readonly<Record<string, string | undefined>>;

export type FoundPlugin =
  | { readonly path: string; readonly missing?: never; readonly installable?: never }
  /** `missing` says why and what to do. `installable`: `easel engines install` can install it. */
  | { readonly path?: never; readonly missing: string; readonly installable: boolean };

const VARIABLES: Readonly<Record<XlaPlatform, string>> = { cpu: 'XLA_CPU_PLUGIN', cuda: 'XLA_CUDA_PLUGIN' };

/** XLA_CPU_PLUGIN or XLA_CUDA_PLUGIN if it is set, otherwise the plugin that `easel engines install` installed. */
export function findPlugin(platform: XlaPlatform, env: Environment = process.env): FoundPlugin {
  const variable = VARIABLES[platform];
  const given = expandHome(env[variable] ?? '');
  if (given) {
    if (existsSync(given)) return { path: given };
    const missing = `${variable} is ${given}, which does not exist: set it to the path of a PJRT plugin`;
    return { missing, installable: false };
  }
  const pinned = ENGINE_PACKAGES[`xla/${platform}`];
  const path = join(enginePackageFolder(cacheFolderOf(env), pinned), pinned.library);
  if (existsSync(path)) return { path };
  const machine = `${process.platform}-${process.arch}`;
  if (pinned.wheels[machine] !== undefined) {
    return { missing: `it is not installed: run \`easel engines install ${pinned.name}\``, installable: true };
  }
  const missing = `no package is pinned for ${machine}: set ${variable} to the path of a PJRT plugin`;
  return { missing, installable: false };
}

/** Where ptxas lies below the folder of the CUDA tools. */
const PTXAS = 'bin/ptxas';

/**
 * The folder with `bin/ptxas` and `nvvm/libdevice`, without which XLA cannot compile for CUDA: XLA_CUDA_DATA_DIR, the
 * folder that was installed beside the plugin, or the one of a CUDA toolkit on the PATH. Undefined: there is none.
 */
export function findCudaTools(plugin: string, env: Environment = process.env): string | undefined {
  const onPath = (env.PATH ?? '').split(':').map(folder => dirname(folder));
  const candidates = [
    expandHome(env.XLA_CUDA_DATA_DIR ?? ''),
    join(dirname(plugin), '../../nvidia/cu13'),
    join(dirname(plugin), '../nvidia/cu13'),
    ...onPath,
    '/usr/local/cuda',
  ];
  return candidates.find(folder => folder && existsSync(join(folder, PTXAS)));
}

/** In the order in which they load. */
const RUNTIME_COMPILER = ['lib/libnvrtc-builtins.so.13.0', 'lib/libnvrtc.so.13'];

/**
 * The compiler that cuDNN loads by its name. The wheels put it into a folder where cuDNN does not look, beside the CUDA
 * tools, so it is loaded before. Empty: a CUDA toolkit is there, which the system's linker knows.
 */
export function findRuntimeCompiler(tools: string | undefined): string[] {
  const paths = RUNTIME_COMPILER.map(name => join(tools ?? '', name));
  return tools !== undefined && paths.every(path => existsSync(path)) ? paths : [];
}
