/**
 * @file Makes a folder below 60 MB that measures a GPU without a network: `node tools/gpu-check/pack.ts [FOLDER]`, by
 * default out/gpu-check. It holds gpu-check.sh and files.tar.xz: Node, the benchmark as it is, and the native parts for
 * Linux x64. It needs tar and xz.
 */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, extname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type FileList, listNeededFiles } from './list-files.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LIMIT_BYTES = 60e6;
const ENTRIES = ['bench/gpu.ts', 'bench/gpu/**/*.ts'];
/** Files that programs name while they run. */
const DATA = ['package.json', 'LICENSE', 'configs/*/*.yaml', 'bench/peers/*.py'];
/** Packages that no import names, but that others load. */
const NATIVE = ['@koromix/koffi-linux-x64', 'onnxruntime-common'];
/** What packages need at run time. */
const KEPT = new Set(['.js', '.cjs', '.mjs', '.json', '.node', '.txt', '']);
/** Parts of onnxruntime-node for other machines. */
const FOREIGN = /onnxruntime-node\/bin\/napi-v6\/(?!linux\/x64\/)[^/]+\/[^/]+\/|koffi-linux-x64\/musl_x64\//;
/** Folders with a loader of Vulkan, for machines whose driver comes without one. */
const LOADERS = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib/chromium', '/opt/google/chrome'];
const LOADER = 'libvulkan.so.1';

/** Files of ours and packages that the folder holds. */
export function listContents(): FileList {
  const read = (path: string) => {
    const whole = join(ROOT, path);
    return existsSync(whole) && statSync(whole).isFile() ? readFileSync(whole, 'utf8') : undefined;
  };
  const entries = expand(ENTRIES).filter(path => !path.endsWith('.test.ts'));
  const { files, packages } = listNeededFiles(entries, read, path => path.startsWith('bench/'));
  return { files: [...files, ...expand(DATA)], packages: [...packages, ...NATIVE] };
}

function expand(patterns: readonly string[]): string[] {
  return patterns.flatMap(pattern => globSync(pattern, { cwd: ROOT }));
}

/** Copies everything into a folder. Returns the names of the parts that this machine could not give. */
function collect(folder: string): string[] {
  const { files, packages } = listContents();
  for (const path of files) copy(join(ROOT, path), join(folder, path));
  for (const name of packages) copyPackage(name, join(folder, 'node_modules', name));
  copy(process.execPath, join(folder, 'bin/node'));
  const loader = LOADERS.map(each => join(each, LOADER)).find(path => existsSync(path));
  if (loader !== undefined) copy(loader, join(folder, 'lib', LOADER));
  return loader === undefined ? [`the loader of Vulkan (${LOADER}): WebGPU needs one on the machine`] : [];
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

function copyPackage(name: string, to: string): void {
  const from = join(ROOT, 'node_modules', name);
  cpSync(from, to, {
    recursive: true,
    dereference: true,
    filter: path => {
      if (statSync(path).isDirectory()) return true;
      const isLibrary = /\.so(\.\d+)*$/.test(path);
      return (isLibrary || KEPT.has(extname(path))) && !FOREIGN.test(relative(dirname(from), path));
    },
  });
}

function megabytes(path: string): string {
  return `${(statSync(path).size / 1e6).toFixed(1)} MB`;
}

/** @throws Error if the machine is another, or the folder is too large. */
function pack(folder: string): void {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error('the folder is made on Linux x64');
  const work = mkdtempSync(join(tmpdir(), 'easel-pack-'));
  try {
    const missing = collect(work);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const archive = join(folder, 'files.tar.xz');
    execFileSync('tar', ['-cJf', archive, '-C', work, '.'], {
      env: { ...process.env, XZ_OPT: '-6 -T0' },
      stdio: 'inherit',
    });
    copyFileSync(join(ROOT, 'tools/gpu-check.sh'), join(folder, 'gpu-check.sh'));
    for (const line of missing) console.log(`left out: ${line}`);
    console.log(`${archive}: ${megabytes(archive)}, Node ${megabytes(join(work, 'bin/node'))} before compression`);
    if (statSync(archive).size > LIMIT_BYTES) throw new Error(`the folder is larger than ${LIMIT_BYTES / 1e6} MB`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const [target = 'out/gpu-check'] = process.argv.slice(2);
  pack(resolve(target));
}
