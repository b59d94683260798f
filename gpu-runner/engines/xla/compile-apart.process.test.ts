import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApartOptions, compileApart } from './compile-apart.ts';

describe('compileApart', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'easel-apart-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const settings = { platform: 'cuda', plugin: '/plugin.so', threads: 1, preallocates: true } as const;
  const flags = { platform: 'cuda', deterministic: true } as const;

  /** Compiles by a process that runs this script for each task. @returns Also the tasks that the process got. */
  async function compileBy(script: string, choices: ApartOptions['choices']) {
    const [path, log] = [join(folder, 'compiler.mjs'), join(folder, 'tasks')];
    await rm(log, { force: true });
    await writeFile(
      path,
      `import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
      process.once('message', task => {
        appendFileSync(${JSON.stringify(log)}, JSON.stringify(task) + '\\n');
        const answer = reply => process.send(reply, () => process.exit(0));
        const done = () => { writeFileSync(task.into, task.text.toUpperCase()); answer({ done: true }); };
        ${script}
      });`,
    );
    const compiled = compileApart('module', { settings, flags, choices, program: pathToFileURL(path) });
    const tasks = async () =>
      (await readFile(log, 'utf8'))
        .trim()
        .split('\n')
        .map(line => JSON.parse(line));
    return { compiled, tasks };
  }
  const LOAD = 'xla_gpu_load_autotune_results_from';

  it('the process gets text and flags, takes no memory in advance, and returns the program', async () => {
    const { compiled, tasks } = await compileBy('done();', undefined);
    expect(await compiled).toEqual({ bytes: Buffer.from('MODULE') });
    const [task] = await tasks();
    expect(task).toMatchObject({ text: 'module', settings: { preallocates: false, plugin: '/plugin.so' } });
    expect(task.flags.xla_gpu_autotune_level).toBe(0);
  });

  it('measured choices come back, and given choices are what the process reads', async () => {
    const record = "writeFileSync(task.flags.xla_gpu_dump_autotune_results_to, 'chosen'); done();";
    expect(await (await compileBy(record, 'record')).compiled).toEqual({
      bytes: Buffer.from('MODULE'),
      choices: Buffer.from('chosen'),
    });
    const replay = `task.text = readFileSync(task.flags.${LOAD}, 'utf8'); done();`;
    expect(await (await compileBy(replay, Buffer.from('chosen'))).compiled).toEqual({ bytes: Buffer.from('CHOSEN') });
  });

  it('rules choose for a program that the given choices do not cover, and for no other failure', async () => {
    const refuse = (reason: string) =>
      `if (task.flags.${LOAD}) answer({ done: false, message: 'no choice', reason: '${reason}' }); else done();`;
    const { compiled, tasks } = await compileBy(refuse('NOT_FOUND'), Buffer.from('others'));
    expect(await compiled).toEqual({ bytes: Buffer.from('MODULE') });
    expect((await tasks()).map(task => [LOAD in task.flags, task.flags.xla_gpu_autotune_level])).toEqual([
      [true, undefined],
      [false, 0],
    ]);
    await expect((await compileBy(refuse('INTERNAL'), Buffer.from('others'))).compiled).rejects.toThrow('no choice');
  });

  it('a process that crashes fails the compilation with its last words, and no file is left', async () => {
    const before = (await readdir(tmpdir())).filter(name => name.startsWith('easel-xla-')).length;
    const { compiled } = await compileBy(
      "console.error('ptxas died'); process.kill(process.pid, 'SIGSEGV');",
      undefined,
    );
    await expect(compiled).rejects.toThrow('the process that compiles ended by SIGSEGV: ptxas died');
    expect((await readdir(tmpdir())).filter(name => name.startsWith('easel-xla-')).length).toBeLessThanOrEqual(before);
  });
});
