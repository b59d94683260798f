import { execFile, execSync, fork, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import { takeDeeds } from './fast-guard.ts';

const require = createRequire(import.meta.url);

test('a fast test file that starts a process fails, and is told how to rename it', async () => {
  const message = 'a fast test file starts a process (spawn true): move the test to a file named *.process.test.ts';
  expect(() => spawn('true')).toThrow(message);
  // Code that catches the error does not hide it.
  expect(takeDeeds()).toEqual([message]);

  expect(() => execSync('true')).toThrow('a fast test file starts a process (execSync true)');
  expect(() => fork('none.js')).toThrow('a fast test file starts a process (fork none.js)');
  await expect(promisify(execFile)('true')).rejects.toThrow('a fast test file starts a process (execFile true)');
  expect(takeDeeds()).toHaveLength(3);
});

test.each(['onnxruntime-node', 'koffi'])('a fast test file that loads %s fails, and is told how to rename it', name => {
  const message = /^a fast test file loads a native engine \(.+\): move the test to a file named \*\.engine\.test\.ts$/;
  expect(() => require(name)).toThrow(message);
  expect(takeDeeds()[0]).toMatch(message);
});

test('a fast test file may load sharp', () => {
  expect(require('sharp').versions.vips).toBeDefined();
  expect(takeDeeds()).toEqual([]);
});

test('a fast test file that replaces a module fails, and is told how to rename it', () => {
  const message =
    'a fast test file replaces a module (vi.doMock ./none.ts): move the test to a file named *.mock.test.ts';
  expect(() => vi.doMock('./none.ts')).toThrow(message);
  expect(takeDeeds()).toEqual([message]);
});
