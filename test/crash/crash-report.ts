/**
 * @file `npm run test:crash`: kills the server and the gpu-runner at every operation on the store, and writes
 * docs/crash-report.md. Stopped and started again, it goes on with the missing points.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { mapBounded } from '../../storage/map-bounded.ts';
import {
  type CalmRun,
  type KillOutcome,
  killOutcomeSchema,
  openKillFolder,
  runCalmly,
  runWithDeath,
} from './crash-kill.ts';
import { spreadOperations } from './crash-points.ts';
import { formatReport } from './crash-report-page.ts';
import { MOMENTS } from './mortal-store.ts';
import { type KillPoint, PROGRAMS, type Program } from './mortal-stores.ts';

/** Points beyond an undisturbed run, since how often a run looks at the store depends on the time it takes. */
const BEYOND = 3;

/** First line of the file of outcomes. */
const headSchema = z.object({
  ends: z.record(z.string(), z.json()),
  operations: z.object({ server: z.int(), runner: z.int() }),
});

interface Progress {
  /** Of an undisturbed run. */
  readonly operations: Readonly<Record<Program, number>>;
  readonly outcomes: KillOutcome[];
}

const { values: options } = parseArgs({
  options: {
    /** Of each process and moment, spread evenly; default: all. */
    points: { type: 'string' },
    /** At a time: each point keeps about one core busy. */
    concurrent: { type: 'string', default: '2' },
    out: { type: 'string', default: 'docs/crash-report.md' },
    /** Outcomes so far. */
    progress: { type: 'string', default: 'out/crash-points.jsonl' },
  },
});

const base = await openKillFolder();
try {
  const calm = await runCalmly(base);
  const { operations, outcomes } = readProgress(calm);
  const points = listPoints(operations);
  const done = new Set(outcomes.map(({ point }) => nameOf(point)));
  const missing = points.filter(point => !done.has(nameOf(point)));
  console.log(`${points.length} points, ${points.length - missing.length} of them done`);

  let left = missing.length;
  await mapBounded(missing, { width: Number(options.concurrent) }, async point => {
    const outcome = await runWithDeath(base, calm, point);
    outcomes.push(outcome);
    appendFileSync(options.progress, `${JSON.stringify(outcome)}\n`);
    const verdict = outcome.problems.length === 0 ? 'good' : `WRONG: ${outcome.problems.join('; ')}`;
    console.log(`${--left} left; ${nameOf(point)} (${outcome.died ?? 'had ended'}): ${verdict}`);
  });

  const wanted = new Set(points.map(nameOf));
  const told = outcomes.filter(({ point }) => wanted.has(nameOf(point)));
  const machine = `${cpus()[0]?.model.trim() ?? 'CPU'}, ${availableParallelism()} cores, Node ${process.version}`;
  const date = new Date().toISOString().slice(0, 10);
  writeFileSync(options.out, formatReport({ outcomes: told, operations, date, machine }));
  console.log(`written to ${options.out}`);
  process.exitCode = told.every(({ problems }) => problems.length === 0) ? 0 : 1;
} finally {
  await base.close();
}

function listPoints(operations: Progress['operations']): KillPoint[] {
  return PROGRAMS.flatMap(program => {
    const most = operations[program] + BEYOND;
    const all = Array.from({ length: most }, (_, i) => i + 1);
    const chosen = options.points === undefined ? all : spreadOperations(program, Number(options.points), most);
    return chosen.flatMap(operation => MOMENTS.map(moment => ({ program, operation, moment })));
  });
}

/** Outcomes of the very same pipeline; those of another are forgotten. */
function readProgress({ ends, operations }: CalmRun): Progress {
  const lines = existsSync(options.progress) ? readFileSync(options.progress, 'utf8').trimEnd().split('\n') : [];
  const [head, ...rest] = lines.map(line => JSON.parse(line));
  const known = headSchema.safeParse(head).data;
  if (known && JSON.stringify(known.ends) === JSON.stringify(ends)) {
    return { operations: known.operations, outcomes: rest.map(outcome => killOutcomeSchema.parse(outcome)) };
  }
  const counts = { server: operations.server.length, runner: operations.runner.length };
  mkdirSync(dirname(options.progress), { recursive: true });
  writeFileSync(options.progress, `${JSON.stringify({ ends, operations: counts })}\n`);
  return { operations: counts, outcomes: [] };
}

function nameOf({ program, operation, moment }: KillPoint): string {
  return `${program} ${moment} ${operation}`;
}
