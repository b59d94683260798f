import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkLayering, findImports, findRoomCycles, type SourceFile } from './layering-check.ts';
import { type LayeringRules, RULES } from './layering-rules.ts';
import { listFiles, ROOT } from './repository.ts';

/** All sources except tests and files that only tests use. */
function readSources(): SourceFile[] {
  return listFiles('.ts')
    .filter(path => !path.endsWith('.test.ts') && !path.split('/').includes('testing'))
    .map(path => ({ path, text: readFileSync(new URL(path, ROOT), 'utf8') }));
}

it('the sources keep the rules of layers', () => {
  const sources = readSources();
  expect(sources.length).toBeGreaterThan(50);
  expect(checkLayering(sources, RULES)).toEqual([]);
});

it('folders with missing parents are made by one function, which does not try for ever', () => {
  const tools = /^(bench|test|tools)\//;
  const making = readSources().filter(
    ({ path, text }) => !tools.test(path) && /mkdir(Sync)?\([^;]*recursive/.test(text),
  );
  expect(making.map(({ path }) => path)).toEqual([]);
});

describe('the checker', () => {
  const rules: LayeringRules = {
    layers: [
      { name: 'errors', paths: ['errors.ts'], mayImport: [], free: true },
      { name: 'formats', paths: ['formats/'], mayImport: ['errors'], free: true },
      { name: 'low', paths: ['low/'], mayImport: [] },
      { name: 'high', paths: ['high/', 'functions/'], mayImport: ['low'] },
      { name: 'door', paths: ['low/door.ts'], mayImport: ['high'] },
      { name: 'top', paths: ['top/'], mayImport: ['*'] },
    ],
    singleImporters: { sharp: { under: 'low/image.ts', files: 1 }, '@aws-sdk/': { under: 'low/', files: 1 } },
    network: { 'low/socket.ts': 'listens', 'high/net/': 'listens' },
    maxLines: 3,
    longFiles: {},
  };
  const check = (sources: Readonly<Record<string, string>>, changed: Partial<LayeringRules> = {}) =>
    checkLayering(
      Object.entries(sources).map(([path, text]) => ({ path, text })),
      { ...rules, ...changed },
    );

  it('the check of layers finds imports of every form', () => {
    const text = [
      "import a from './a.ts';",
      "import type { B } from './b.ts';",
      "import { c1,\n  c2 } from './c.ts';",
      "import * as d from 'node:fs';",
      "import 'side-effect';",
      "export { e } from './e.ts';",
      "export * from './f.ts';",
      "export const g = 1;\nconst x = 'from';",
      "const h = await import('./h.ts');",
      '  import i from "./i.ts";',
      "import j, { type J } from './j.ts'",
    ].join('\n');
    expect(findImports(text).sort()).toEqual(
      [...'abcefhij']
        .map(name => `./${name}.ts`)
        .concat('node:fs', 'side-effect')
        .sort(),
    );
  });

  it('the check of layers accepts imports downward, within a layer, and of free layers', () => {
    expect(
      check({
        'high/a.ts': "import '../low/x.ts';\nimport './b.ts';\nimport '../errors.ts';",
        'low/x.ts': "import '../errors.ts';\nimport 'zod';",
        'top/t.ts': "import '../high/a.ts';",
      }),
    ).toEqual([]);
  });

  it('the check of layers refuses imports upward in any form', () => {
    for (const statement of [
      "import '../high/a.ts';",
      "export * from '../high/a.ts';",
      "await import('../high/a.ts');",
    ]) {
      expect(check({ 'low/x.ts': statement })).toEqual(['low/x.ts (low) imports high/a.ts (high)']);
    }
    expect(check({ 'low/x.ts': "import type { A } from '../high/a.ts';" })).toHaveLength(1);
    expect(check({ 'errors.ts': "import './low/x.ts';" })).toHaveLength(1);
  });

  it('the check of layers lets a free layer import only listed layers', () => {
    expect(check({ 'formats/a.ts': "import '../errors.ts';" })).toEqual([]);
    expect(check({ 'low/a.ts': "import '../formats/a.ts';" })).toEqual([]);
    expect(check({ 'errors.ts': "import './formats/a.ts';" })).toEqual([
      'errors.ts (errors) imports formats/a.ts (formats)',
    ]);
  });

  it('the check of layers takes the layer with the longest path', () => {
    expect(check({ 'low/door.ts': "import '../high/a.ts';" })).toEqual([]);
    expect(check({ 'low/x.ts': "import './door.ts';" })).toEqual(['low/x.ts (low) imports low/door.ts (door)']);
  });

  it('the check of layers refuses a file without a layer', () => {
    expect(check({ 'new/a.ts': '' })[0]).toContain('belongs to no layer');
    expect(check({ 'top/a.ts': "import '../new/a.ts';" })[0]).toContain('belongs to no layer');
  });

  it('the check of layers refuses a function that imports another, except the registry', () => {
    const stages = {
      'functions/a.ts': 'export const a = defineFunction({});',
      'functions/b.ts': "import './a.ts';\nexport const b = definePageFunction<X>({});",
    };
    expect(check(stages)).toEqual(['functions/b.ts imports the function functions/a.ts: call it by name']);
    expect(check({ ...stages, 'functions/b.ts': "import './define.ts';" })).toEqual([]);
    expect(check({ 'functions/a.ts': stages['functions/a.ts'], 'functions/registry.ts': "import './a.ts';" })).toEqual(
      [],
    );
  });

  it('the check of layers refuses a second importer of a package, and one in the wrong place', () => {
    expect(check({ 'low/image.ts': "import sharp from 'sharp';" })).toEqual([]);
    expect(check({ 'high/a.ts': "import sharp from 'sharp';" })).toEqual([
      'high/a.ts imports sharp, which is for low/image.ts',
    ]);
    const aws = "import { S3 } from '@aws-sdk/client-s3';";
    expect(check({ 'low/a.ts': aws, 'low/b.ts': "import '@aws-sdk/lib-storage';" })).toHaveLength(1);
    expect(check({ 'low/a.ts': "import 'sharpen';" })).toEqual([]);
  });

  it('the check of layers refuses vague file names', () => {
    for (const path of ['low/utils.ts', 'low/helpers/x.ts', 'low/string-utils.ts', 'low/util.ts']) {
      expect(check({ [path]: '' })).toEqual([`${path}: name it for what it does`]);
    }
    expect(check({ 'low/utility-bill.ts': '' })).toEqual([]);
  });

  it('the check of layers refuses long files and needless exceptions', () => {
    const long = { 'low/a.ts': '\n\n\n\n' };
    expect(check(long)).toEqual([expect.stringContaining('low/a.ts has 4 lines')]);
    expect(check(long, { longFiles: { 'low/a.ts': 'a table' } })).toEqual([]);
    expect(check({ 'low/a.ts': '\n' }, { longFiles: { 'low/a.ts': 'a table' } })).toHaveLength(1);
    expect(check({}, { longFiles: { 'low/gone.ts': 'a table' } })).toHaveLength(1);
  });

  it('the check of layers finds cycles of rooms', () => {
    const cyclesOf = (graph: Readonly<Record<string, readonly string[]>>) =>
      findRoomCycles(Object.entries(graph).map(([path, files]) => ({ path, files })));
    expect(cyclesOf({ 'a/x.ts': ['b/y.ts'], 'b/z.ts': ['c/y.ts'], 'c/y.ts': ['d/y.ts'] })).toEqual([]);
    expect(cyclesOf({ 'a/x.ts': ['b/y.ts'], 'b/z.ts': ['c/y.ts'], 'c/y.ts': ['a/w.ts'] })).toEqual([
      ['a', 'b', 'c', 'a'],
    ]);
    expect(cyclesOf({ 'a/p/x.ts': ['a/q/y.ts'], 'a/q/y.ts': ['a/p/z.ts'] })).toEqual([['a/p', 'a/q', 'a/p']]);
  });

  it('the check of layers finds cycles of a room and files of the folder around it', () => {
    const cyclesOf = (graph: Readonly<Record<string, readonly string[]>>) =>
      findRoomCycles(Object.entries(graph).map(([path, files]) => ({ path, files })));
    // registry.ts uses the room, the room uses define.ts: no circle.
    const fine = { 'a/registry.ts': ['a/in/y.ts'], 'a/in/y.ts': ['a/define.ts'], 'a/define.ts': [] };
    expect(cyclesOf(fine)).toEqual([]);
    expect(cyclesOf({ ...fine, 'a/define.ts': ['a/in/z.ts'] })).toEqual([['a/define.ts', 'a/in', 'a/define.ts']]);
    expect(cyclesOf({ 'a/x.ts': ['a/in/y.ts'], 'a/in/z.ts': ['a/x.ts'] })).toEqual([['a/in', 'a/x.ts', 'a/in']]);
  });

  it('the check of layers finds unlisted files that reach the network', () => {
    for (const text of [
      "import { connect } from 'node:net';",
      "import https from 'https';",
      'const answer = await fetch(url);',
      "const { request } = await import('node:http');",
      'new WebSocket(url);',
    ]) {
      expect(check({ 'low/a.ts': text }), text).toEqual([expect.stringContaining('low/a.ts reaches the network')]);
      expect(check({ 'low/socket.ts': text, 'high/net/a.ts': text, 'top/a.ts': text }), text).toEqual([]);
    }
    expect(check({ 'low/a.ts': 'const app = { fetch: handler.fetch };\nstore.fetch(key); prefetch(key);' })).toEqual(
      [],
    );
  });
});
