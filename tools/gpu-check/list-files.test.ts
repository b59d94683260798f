import { expect, it } from 'vitest';
import { listNeededFiles } from './list-files.ts';
import { listContents } from './pack.ts';

const TREE: Readonly<Record<string, string>> = {
  'bench/gpu.ts':
    "import { a } from './gpu/a.ts';\nimport type { T } from '../types.ts';\nconst b = await import('./b.ts');",
  'bench/gpu/a.ts': "export {\n  c,\n} from '../../c.ts';\nimport 'zod/v4';\nimport koffi from '@koromix/koffi/x';",
  'bench/b.ts': "const child = new URL('./child.ts', import.meta.url);\nconst folder = new URL('./', import.meta.url);",
  'bench/child.ts': "import abi from '../abi.json' with { type: 'json' };",
  'c.ts': "import fs from 'node:fs';\nawait import('./heavy.ts');",
  'abi.json': '{}',
};
const list = (...entries: string[]) =>
  listNeededFiles(
    entries,
    path => TREE[path],
    path => path.startsWith('bench/'),
  );

it('the list has imports of values, started programs and data, but no types and no engines that nobody opens', () => {
  expect(list('bench/gpu.ts')).toEqual({
    files: ['abi.json', 'bench/b.ts', 'bench/child.ts', 'bench/gpu.ts', 'bench/gpu/a.ts', 'c.ts'],
    packages: ['@koromix/koffi', 'zod'],
  });
});

it('an import that does not exist is named', () => {
  expect(() => list('bench/none.ts')).toThrow('bench/none.ts is imported and does not exist');
});

it('the folder for a machine without a network has few packages, all started programs, and no test', () => {
  const { files, packages } = listContents();
  expect(new Set(packages)).toEqual(
    new Set(['@koromix/koffi-linux-x64', 'koffi', 'onnxruntime-common', 'onnxruntime-node', 'yaml', 'zod']),
  );
  for (const path of [
    'bench/gpu/section-process.ts',
    'bench/peers/torch_gpu.py',
    'configs/presets/prod-1.yaml',
    'gpu-runner/engines/onnxruntime/webgpu-probe-process.ts',
    'gpu-runner/engines/xla/compile-process.ts',
    'gpu-runner/engines/xla/pjrt/abi.json',
  ]) {
    expect(files).toContain(path);
  }
  expect(files.filter(path => path.endsWith('.test.ts'))).toEqual([]);
});
