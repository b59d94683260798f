/**
 * @file Runs one section in a process of its own. A plugin that crashes or hangs ends its section alone, and the next
 * one finds the memory of the GPU free.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Ending, Row, Section } from './run-sections.ts';

const PROGRAM = fileURLToPath(new URL('./section-process.ts', import.meta.url));

/** @param program Default: the program that runs a section by its name. @param env Variables beside those of here. */
export function startSection(
  { name, seconds }: Pick<Section, 'name' | 'seconds'>,
  milliseconds: number,
  onRow: (row: Row) => void,
  { program = PROGRAM, args = [], env = {} }: StartOptions = {},
): Promise<Ending> {
  const child = spawn(process.execPath, ['--expose-gc', program, name, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let isCut = false;
  const timer = setTimeout(() => {
    isCut = true;
    child.kill('SIGKILL');
  }, milliseconds);
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('{')) onRow(JSON.parse(line));
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-MOST_ERRORS);
  });
  return new Promise(resolve => {
    child.on('error', error => resolve({ how: 'failed', reason: error.message }));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const limit = Math.round(milliseconds / 100) / 10;
      if (isCut) resolve({ how: 'cut', reason: `after ${limit} s of ${seconds} s` });
      else if (code === 0) resolve({ how: 'done' });
      else resolve({ how: 'failed', reason: `${signal ?? `status ${code}`}: ${lastError(errors)}` });
    });
  });
}

export interface StartOptions {
  readonly program?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const MOST_ERRORS = 20_000;

/** The line that says most: that of the error which ended the process, else the last one. */
function lastError(errors: string): string {
  const lines = errors.split('\n').filter(line => line.trim() !== '' && !/^ +at |^Node\.js v/.test(line));
  const thrown = lines.findLast(line => /^\w*(Error|Unprocessable|Exhausted)\b.*: /.test(line));
  return (thrown ?? lines.at(-1) ?? 'without a word').trim().slice(0, 400);
}
