import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findParts } from './find-parts.ts';

/** A folder with these empty files. */
function makeTree(...paths: string[]): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'easel-parts-')));
  for (const path of paths) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), '');
  }
  return root;
}

const JAX = [
  'jax_plugins/xla_cuda13/xla_cuda_plugin.so',
  'nvidia/cu13/lib/libcublas.so.13',
  'nvidia/cudnn/lib/libcudnn.so.9',
];
const TOOLS = ['bin/ptxas', 'bin/nvlink', 'nvvm/libdevice/libdevice.10.bc'];

describe('findParts', () => {
  it('everything comes from one folder of Python packages', () => {
    const site = makeTree(...JAX, ...TOOLS.map(tool => `nvidia/cu13/${tool}`));
    expect(findParts({}, { packages: ['/nowhere', site], toolkits: [] })).toEqual({
      plugin: join(site, JAX[0] ?? ''),
      cudaFolder: join(site, 'nvidia/cu13'),
      libraryFolders: [join(site, 'nvidia/cu13/lib'), join(site, 'nvidia/cudnn/lib')],
      missing: [],
    });
  });

  it('libraries come from another folder of packages, and tools from the toolkit', () => {
    const site = makeTree('jax_plugins/xla_cuda12/xla_cuda_plugin.so');
    const torch = makeTree('nvidia/cublas/lib/libcublas.so.12', 'nvidia/cudnn/lib/libcudnn.so.9');
    const toolkit = makeTree(...TOOLS);
    const parts = findParts({}, { packages: [site, torch], toolkits: [toolkit] });
    expect(parts).toMatchObject({ cudaFolder: toolkit, missing: [] });
    expect(parts.libraryFolders.slice(0, 2)).toEqual(
      ['cublas', 'cudnn'].map(name => join(torch, 'nvidia', name, 'lib')),
    );
  });

  it('libraries of a toolkit are taken only if the packages lack one', () => {
    const toolkit = makeTree(...TOOLS, 'lib64/libcublas.so.13');
    const bare = makeTree(JAX[0] ?? '', 'nvidia/cudnn/lib/libcudnn.so.9');
    const { libraryFolders } = findParts({}, { packages: [bare], toolkits: [toolkit] });
    expect(libraryFolders).toEqual([join(bare, 'nvidia/cudnn/lib'), join(toolkit, 'lib64')]);
    const whole = findParts({}, { packages: [makeTree(...JAX)], toolkits: [toolkit] });
    expect(whole.libraryFolders).not.toContain(join(toolkit, 'lib64'));
  });

  it('tools in different folders are linked into one', () => {
    const site = makeTree(...JAX, 'nvidia/cu13/nvvm/libdevice/libdevice.10.bc');
    const toolkit = makeTree('bin/ptxas', 'bin/nvlink');
    const { cudaFolder = '', missing } = findParts({}, { packages: [site], toolkits: [toolkit] });
    expect(missing).toEqual([]);
    expect(TOOLS.map(tool => realpathSync(join(cudaFolder, tool)))).toEqual([
      join(toolkit, 'bin/ptxas'),
      join(toolkit, 'bin/nvlink'),
      join(site, 'nvidia/cu13/nvvm/libdevice/libdevice.10.bc'),
    ]);
  });

  it('a plugin for CUDA 13 is taken before one for CUDA 12, wherever they lie', () => {
    const [old, current] = [makeTree('jax_plugins/xla_cuda12/xla_cuda_plugin.so'), makeTree(...JAX)];
    expect(findParts({}, { packages: [old, current], toolkits: [] }).plugin).toBe(join(current, JAX[0] ?? ''));
  });

  it('missing libraries and tools are told in one line each, and the plugin is still returned', () => {
    const site = makeTree(JAX[0] ?? '');
    const { plugin, missing, cudaFolder } = findParts({}, { packages: [site], toolkits: [makeTree('bin/ptxas')] });
    expect([plugin, cudaFolder]).toEqual([join(site, JAX[0] ?? ''), undefined]);
    expect(missing.at(-1)).toMatch(/^no nvlink and libdevice.10.bc: install the CUDA toolkit/);
    expect(missing.every(line => !line.includes('\n'))).toBe(true);
  });

  it('PLUGIN decides, and a plugin for the CPU needs nothing else', () => {
    const site = makeTree(...JAX);
    const cpu = join(makeTree('pjrt_c_api_cpu_plugin.so'), 'pjrt_c_api_cpu_plugin.so');
    expect(findParts({ PLUGIN: cpu }, { packages: [site], toolkits: [] })).toEqual({
      plugin: cpu,
      libraryFolders: [],
      missing: [],
    });
    const absent = findParts({ PLUGIN: '/nowhere.so' }, { packages: [site], toolkits: [] });
    expect(absent).toEqual({ libraryFolders: [], missing: ['there is no plugin at PLUGIN=/nowhere.so'] });
  });

  it('without a plugin one line says where it looked and what to do', () => {
    const { plugin, missing } = findParts({}, { packages: ['/site-packages'], toolkits: [] });
    expect([plugin, missing.length]).toEqual([undefined, 1]);
    expect(missing[0]).toMatch(/set PLUGIN=.*install jax\[cuda13\]; looked in \/site-packages$/);
  });
});
