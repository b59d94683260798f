/** @file Where Python packages and CUDA toolkits lie on this machine. */
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { cacheFolderOf } from '../../configs/cache-folder.ts';
import type { Places } from './find-parts.ts';

/** Folders that installations of Python and virtual environments usually have. */
const USUAL = [
  '/opt/*/.venv/lib/python3*/site-packages',
  '/opt/*/lib/python3*/site-packages',
  '/usr/local/lib/python3*/{site,dist}-packages',
  '/usr/lib/python3*/dist-packages',
  '/usr/lib/python3/dist-packages',
  join(homedir(), '.local/lib/python3*/site-packages'),
];

/** @param env EASEL_PEER_PYTHON names a Python, CUDA_HOME a toolkit, EASEL_CACHE the folder of installed engines. */
export function findPlaces(env: NodeJS.ProcessEnv = process.env): Places {
  const packages = [
    ...globSync(join(cacheFolderOf(env), 'engines/xla-cuda/*')),
    ...[env.EASEL_PEER_PYTHON, 'python3'].flatMap(python => (python ? packagesOf(python) : [])),
    ...USUAL.flatMap(pattern => globSync(pattern)),
  ];
  const tools = ['ptxas', 'nvcc'].flatMap(tool => {
    const path = (env.PATH ?? '').split(delimiter).map(folder => join(folder, tool));
    return path.filter(each => existsSync(each)).map(each => dirname(dirname(realpathSync(each))));
  });
  const toolkits = [env.CUDA_HOME, ...tools, '/usr/local/cuda', ...globSync('/usr/local/cuda-*')];
  const present = (folders: readonly (string | undefined)[]) => [
    ...new Set(folders.filter(folder => folder !== undefined && existsSync(folder)).map(folder => folder as string)),
  ];
  return { packages: present(packages), toolkits: present(toolkits) };
}

/** Folders from which a Python imports. Empty if it does not start. */
function packagesOf(python: string): string[] {
  try {
    const script = 'import sys; print("\\n".join(sys.path))';
    const told = execFileSync(python, ['-c', script], { encoding: 'utf8', timeout: 10_000, stdio: 'pipe' });
    return told.split('\n').filter(folder => folder.endsWith('-packages'));
  } catch {
    return [];
  }
}
