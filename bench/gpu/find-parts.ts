/**
 * @file Finds the parts that XLA needs on a GPU: a PJRT plugin, the folders of CUDA's libraries, and the CUDA tools
 * that compile programs. They come with jax, with PyTorch, with the CUDA toolkit, or with `easel engines install`.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

export interface Parts {
  /** Path of a plugin; undefined: `missing` says why. */
  readonly plugin?: string;
  /** Holds bin/ptxas and nvvm/libdevice, for XLA's flag xla_gpu_cuda_data_dir. */
  readonly cudaFolder?: string;
  /** Folders of cuBLAS, cuDNN and others, for LD_LIBRARY_PATH. */
  readonly libraryFolders: readonly string[];
  /** One line for each missing part: what it is, and what to do. */
  readonly missing: readonly string[];
}

export interface Places {
  /** Folders of Python packages, the preferred one first. */
  readonly packages: readonly string[];
  /** Folders of CUDA toolkits. */
  readonly toolkits: readonly string[];
}

/** Folders of plugins in a folder of Python packages, newest CUDA first. */
const PLUGINS = ['jax_plugins/xla_cuda13', 'jax_plugins/xla_cuda12'].map(folder => `${folder}/xla_cuda_plugin.so`);
/** Libraries that a training on one GPU opens. */
const LIBRARIES = ['libcublas.so', 'libcudnn.so'] as const;
/** The loader of the system looks here by itself. */
const SYSTEM = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64'];
const TOOLS = ['bin/ptxas', 'bin/nvlink', 'nvvm/libdevice/libdevice.10.bc'] as const;

/** @param env PLUGIN names a plugin, which then decides. */
export function findParts(env: Readonly<Record<string, string | undefined>>, places: Places): Parts {
  const plugin = env.PLUGIN || firstPath(places.packages, PLUGINS);
  if (plugin === undefined || !existsSync(plugin)) {
    const missing = env.PLUGIN
      ? `there is no plugin at PLUGIN=${env.PLUGIN}`
      : `no PJRT plugin: set PLUGIN=/path/to/xla_cuda_plugin.so, or install jax[cuda13]; looked in ${
          places.packages.join(', ') || 'no folder of Python packages'
        }`;
    return { libraryFolders: [], missing: [missing] };
  }
  if (!basename(plugin).includes('cuda')) return { plugin, libraryFolders: [], missing: [] };

  // The plugin lies two folders below the packages that it was installed with.
  const own = dirname(dirname(dirname(realpathSync(plugin))));
  const packages = [...new Set([own, ...places.packages])];
  const ofPackages = packages.flatMap(folder => listFolders(join(folder, 'nvidia'), 'lib'));
  const ofToolkits = places.toolkits.map(folder => join(folder, 'lib64')).filter(folder => existsSync(folder));
  const isIn = (folders: readonly string[]) => (name: string) => folders.some(folder => holds(folder, name));
  // Libraries of one version should not mix: those of a toolkit are for what no package has.
  const libraryFolders = LIBRARIES.every(isIn(ofPackages)) ? ofPackages : [...ofPackages, ...ofToolkits];
  const absent = LIBRARIES.filter(name => !isIn([...libraryFolders, ...SYSTEM])(name));
  const cudaFolder = findCudaFolder([
    ...packages.flatMap(folder => ['cu13', 'cuda_nvcc'].map(name => join(folder, 'nvidia', name))),
    ...places.toolkits,
  ]);
  return {
    plugin,
    ...(typeof cudaFolder === 'string' && { cudaFolder }),
    libraryFolders,
    missing: [
      ...absent.map(name => `no ${name}: it comes with jax[cuda13] and with PyTorch; XLA may fail where it needs it`),
      ...(typeof cudaFolder === 'string'
        ? []
        : [`no ${cudaFolder.absent}: install the CUDA toolkit or the Python package nvidia-cuda-nvcc`]),
    ],
  };
}

/** A folder with all tools, made of links if no single folder has them all. */
function findCudaFolder(folders: readonly string[]): string | { readonly absent: string } {
  const whole = folders.find(folder => TOOLS.every(tool => existsSync(join(folder, tool))));
  if (whole !== undefined) return whole;
  const found = TOOLS.map(tool => ({ tool, folder: folders.find(each => existsSync(join(each, tool))) }));
  const absent = found.filter(({ folder }) => folder === undefined).map(({ tool }) => basename(tool));
  if (absent.length > 0) return { absent: absent.join(' and ') };
  const made = mkdtempSync(join(tmpdir(), 'easel-cuda-'));
  for (const { tool, folder = '' } of found) {
    mkdirSync(join(made, dirname(tool)), { recursive: true });
    symlinkSync(join(folder, tool), join(made, tool));
  }
  return made;
}

function firstPath(folders: readonly string[], paths: readonly string[]): string | undefined {
  return paths.flatMap(path => folders.map(folder => join(folder, path))).find(path => existsSync(path));
}

/** `<folder>/<each>/<name>` that exist. */
function listFolders(folder: string, name: string): string[] {
  return listNames(folder)
    .map(each => join(folder, each, name))
    .filter(path => existsSync(path));
}

/** Whether a folder has a library of this name, in any version. */
function holds(folder: string, library: string): boolean {
  return listNames(folder).some(name => name.startsWith(library));
}

function listNames(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
