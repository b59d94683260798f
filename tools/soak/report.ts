/** @file What a soak has shown, as a page of Markdown. */
import { cpus } from 'node:os';
import type { SoakOptions, SoakOutcome } from './run-soak.ts';

export interface ReportHeader {
  /** What was soaked, in words without paths: `MinIO ...`, `a folder`. */
  readonly store: string;
  readonly date: Date;
}

export function describeSoak({ store, date }: ReportHeader, options: SoakOptions, outcome: SoakOutcome): string {
  const { ledger, chaos, calls, hits, audited } = outcome;
  const faults = [...ledger.lost.map(fault => `lost: ${fault}`), ...ledger.wrong.map(fault => `wrong: ${fault}`)];
  const done = [...chaos.values()].reduce((sum, count) => sum + count, 0);
  const asked = [...calls.values()].reduce((sum, list) => sum + list.length, 0);
  return `# Soak: ${ledger.lost.length} lost and ${ledger.wrong.length} wrong results

Two servers and two gpu-runners ran over one object store:
${store}.

${options.users} users prepared datasets, trained and sampled over and over. They sent each call to any of the servers, again until
it succeeded. Every few seconds a process was killed, told to stop, or put to sleep. Every answer was compared with the
answer of an undisturbed server, computed before. Every two minutes, and at the end, all acknowledged results were
asked for again, every blob of them was read and hashed, and every history was checked.

| | |
|---|---|
| time | ${(outcome.seconds / 60).toFixed(1)} minutes, seed ${options.seed} |
| disturbances | ${done} |
| successful calls | ${asked}, of ${outcome.attempts} requests |
| results looked at again at the end | ${audited.results}, and ${audited.blobs} blobs |
| lost | ${ledger.lost.length} |
| wrong | ${ledger.wrong.length} |
| whole store verified | ${outcome.verified === undefined ? 'no such function' : outcome.verified.length === 0 ? 'nothing damaged, missing or unreadable' : outcome.verified.join('; ')} |
| machine | ${describeMachine()} |
| date | ${date.toISOString().slice(0, 10)} |

| disturbance | times |
|---|---|
${[...chaos].map(([name, count]) => `| ${name} | ${count} |`).join('\n')}

| call | successes | p50 | p99 | longest |
|---|---|---|---|---|
${[...calls].map(([name, list]) => row(name, list)).join('\n')}
${row('hit, answered at once', hits)}

Times are from the first request to the success, deaths and restarts included.
${faults.length === 0 ? '' : `\n${faults.map(fault => `- ${fault}`).join('\n')}\n`}`;
}

export function describeMachine(): string {
  const all = cpus();
  return `${all[0]?.model.trim() ?? 'unknown CPU'}, ${all.length} cores, Node ${process.versions.node}`;
}

function row(name: string, list: readonly number[]): string {
  const sorted = list.toSorted((a, b) => a - b);
  const at = (share: number) => tell(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]);
  return `| ${name} | ${list.length} | ${at(0.5)} | ${at(0.99)} | ${at(1)} |`;
}

function tell(ms: number | undefined): string {
  if (ms === undefined) return '-';
  return ms < 1000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
