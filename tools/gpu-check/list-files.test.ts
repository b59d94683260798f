import { expect, it } from 'vitest';
import { listNeededFiles } from './list-files.ts';

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
