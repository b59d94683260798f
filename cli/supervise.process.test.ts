import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { superviseProcess } from './supervise.ts';

const entry = fileURLToPath(new URL('./testing/fake-service.ts', import.meta.url));

test.each([
  ['memory ran out', 1, '1', 'was killed because memory ran out'],
  ['somebody ended it', 0, '0', 'ended with a signal'],
])(
  'a process that is killed because %s is named so in the log, and told to the next one',
  async (_, more, told, line) => {
    const lines: string[] = [];
    let kills = 5;
    const supervised = await superviseProcess({
      name: 'runner',
      entry,
      env: { EASEL_RUNNER_PORT: '0' },
      keepAddress: url => ({ EASEL_RUNNER_PORT: url.port }),
      log: text => lines.push(text),
      readMemoryKills: () => kills,
    });
    try {
      const ask = async () => (await fetch(supervised.url)).json() as Promise<{ env: Record<string, string> }>;
      expect((await ask()).env.EASEL_KILLED_FOR_MEMORY ?? '0').toBe('0');
      const { pid = 0 } = supervised;
      kills += more;
      process.kill(pid, 'SIGKILL');
      const answer = () =>
        ask().then(
          ({ env }) => env.EASEL_KILLED_FOR_MEMORY,
          () => undefined,
        );
      await expect.poll(() => (supervised.pid === pid ? undefined : answer()), { timeout: 20_000 }).toBe(told);
      expect(lines.join('\n')).toContain(`${line}, restarting`);
    } finally {
      await supervised.stop(1000);
    }
  },
);
