/**
 * @file Trains and samples under random kills, and checks that nothing is lost or wrong:
 * `node tools/soak.ts --minutes 30 --store minio`.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { AppError, InvalidInput, inOneLine } from '../errors.ts';
import { openSoakStore } from './soak/open-store.ts';
import { describeSoak } from './soak/report.ts';
import { runSoak } from './soak/run-soak.ts';

const USAGE = `node tools/soak.ts [--minutes N] [--store minio|file:DIR|s3://BUCKET?endpoint=...] [--seed N] [--report FILE]
  --minutes  of disturbed work; the oracle comes before, the audit after them (default 30)
  --store    minio: one of its own, killed and started again, too; file:DIR; s3://... with AWS_* set (default: minio)
  --seed     of what is asked and what is killed (default 1)
  --users    at work at once (default 3)
  --report   Markdown (default docs/soak-report.md)`;

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof AppError)) throw error;
  console.error(inOneLine(error));
  process.exitCode = 1;
}

/** @returns Exit code: 0 when nothing was lost and nothing wrong. */
async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '30' },
      store: { type: 'string', default: 'minio' },
      seed: { type: 'string', default: '1' },
      users: { type: 'string', default: '3' },
      report: { type: 'string', default: 'docs/soak-report.md' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const [minutes, seed, users] = (['minutes', 'seed', 'users'] as const).map(name => readNumber(name, values[name]));
  const startedAt = performance.now();
  const log = (line: string) =>
    console.log(`${((performance.now() - startedAt) / 1000).toFixed(0).padStart(5)} s  ${line}`);
  const opened = await openSoakStore(values.store, log);
  try {
    const options = {
      store: opened.store,
      seconds: (minutes ?? 30) * 60,
      seed: seed ?? 1,
      variety: { datasets: 2, models: 2, pictures: 4 },
      users: users ?? 3,
      log,
    };
    const outcome = await runSoak(options);
    await mkdir(dirname(values.report), { recursive: true });
    await writeFile(values.report, describeSoak({ store: opened.description, date: new Date() }, options, outcome));
    const { lost, wrong } = outcome.ledger;
    for (const fault of [...lost, ...wrong]) console.error(fault);
    log(`${lost.length} lost, ${wrong.length} wrong; the report is ${values.report}`);
    return lost.length + wrong.length + (outcome.verified?.length ?? 0) === 0 ? 0 : 1;
  } finally {
    await opened.close();
  }
}

function readNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidInput(`--${name} ${text} is wrong`, { expected: 'a positive number', hint: USAGE });
}
