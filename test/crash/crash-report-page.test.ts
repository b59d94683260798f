import { expect, test } from 'vitest';
import type { KillOutcome } from './crash-kill.ts';
import { formatReport } from './crash-report-page.ts';

const good: KillOutcome = {
  point: { program: 'server', operation: 7, moment: 'before' },
  died: 'put cas/sha256/ab/abc',
  problems: [],
  seconds: 5,
};

test('the crash report counts points, kills and faults, and names the operation of each fault', () => {
  const outcomes: KillOutcome[] = [
    good,
    { ...good, died: 'put cas/sha256/cd/cde', seconds: 7 },
    { ...good, point: { ...good.point, program: 'runner', moment: 'after' }, problems: ['a/b is left over'] },
    { point: good.point, problems: [], seconds: 3 },
  ];
  const page = formatReport({
    outcomes,
    operations: { server: 300, runner: 40 },
    date: '2026-01-31',
    machine: 'a CPU',
  });
  expect(page).toContain('**4 points, 3 kills, 1 wrong.**');
  expect(page).toContain('| server | before | 3 | 2 | 1 | 3 | 0 | 5.0 | 7.0 |');
  expect(page).toContain('| gpu-runner | after | 1 | 1 | 0 | 0 | 1 | 5.0 | 5.0 |');
  expect(page).toContain('| server | `put cas/` | 2 |');
  expect(page).toContain('- gpu-runner, after operation 7 (`put cas/sha256/ab/abc`): a/b is left over');
});
