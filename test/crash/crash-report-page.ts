/** @file What `npm run test:crash` found, as a page of Markdown. */
import type { KillOutcome } from './crash-kill.ts';
import { MOMENTS } from './mortal-store.ts';
import { PROGRAMS, type Program } from './mortal-stores.ts';

export interface CrashReport {
  readonly outcomes: readonly KillOutcome[];
  /** Operations of an undisturbed run. */
  readonly operations: Readonly<Record<Program, number>>;
  /** `2026-01-31` */
  readonly date: string;
  /** CPU, cores, Node version. */
  readonly machine: string;
}

const TITLES: Readonly<Record<Program, string>> = { server: 'server', runner: 'gpu-runner' };

export function formatReport({ outcomes, operations, date, machine }: CrashReport): string {
  const wrong = outcomes.filter(({ problems }) => problems.length > 0);
  const killed = outcomes.filter(({ died }) => died !== undefined);
  return `# Killed at every operation

\`npm run test:crash\` starts the real server and gpu-runner over a folder store. It sends the calls of a small pipeline,
as curl would: \`prepare\` of 6 portraits of 16 px, an experiment, two chunks of training with previews, one sample. One
of the two processes sends itself SIGKILL at its n-th operation on the store: before the operation, or after it and
before its answer arrives. The supervisor starts the process again, and the same calls are sent until each is answered.
Undisturbed, the server takes ${operations.server} operations and the gpu-runner ${operations.runner}. A point is one process, one n, and before or after.
Each point has a folder of its own.

A point is good if the calls answer with the digests of the undisturbed run and the folder holds the same objects under
the same keys: no object is missing, changed or left over; every blob has the digest that its key names; no lease is
held beyond its 30 s; no temporary file and no lock is left once the next start has swept. Only \`runs/\` (who ran what,
when) and the \`stats\` of results may differ.

${date}, ${machine}.

**${outcomes.length} points, ${killed.length} kills, ${wrong.length} wrong.**

| process | SIGKILL | points | killed | had ended before | good | wrong | median s | longest s |
|---|---|---|---|---|---|---|---|---|
${PROGRAMS.flatMap(program => MOMENTS.map(moment => row(outcomes, program, moment))).join('\n')}

Where they died:

| process | operation | kills |
|---|---|---|
${countOperations(killed)
  .map(([program, operation, count]) => `| ${program} | \`${operation}\` | ${count} |`)
  .join('\n')}
${wrong.length === 0 ? '' : `\nWrong:\n\n${wrong.map(describeWrong).join('\n')}\n`}`;
}

function row(outcomes: readonly KillOutcome[], program: Program, moment: string): string {
  const own = outcomes.filter(({ point }) => point.program === program && point.moment === moment);
  const count = (test: (outcome: KillOutcome) => boolean) => own.filter(test).length;
  const seconds = own.map(outcome => outcome.seconds).sort((a, b) => a - b);
  const cells = [
    TITLES[program],
    moment,
    own.length,
    count(({ died }) => died !== undefined),
    count(({ died }) => died === undefined),
    count(({ problems }) => problems.length === 0),
    count(({ problems }) => problems.length > 0),
    (seconds[seconds.length >> 1] ?? 0).toFixed(1),
    (seconds.at(-1) ?? 0).toFixed(1),
  ];
  return `| ${cells.join(' | ')} |`;
}

/** [process, operation and the first part of its key, kills], sorted. */
function countOperations(killed: readonly KillOutcome[]): [string, string, number][] {
  const counts = new Map<string, [string, string, number]>();
  for (const { point, died = '' } of killed) {
    const operation = died.replace(/\/.*/, '/');
    const entry = counts.get(`${point.program} ${operation}`) ?? [TITLES[point.program], operation, 0];
    entry[2]++;
    counts.set(`${point.program} ${operation}`, entry);
  }
  return [...counts.values()].sort((a, b) => (a.join() < b.join() ? 1 : -1));
}

function describeWrong({ point, died, problems }: KillOutcome): string {
  const where = `${TITLES[point.program]}, ${point.moment} operation ${point.operation} (\`${died ?? 'it did not die'}\`)`;
  return `- ${where}: ${problems.join('; ')}`;
}
