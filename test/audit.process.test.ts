import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'easel-audit-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** tools/audit.js beside an npm that prints this. */
function audit(printed: string) {
  writeFileSync(join(folder, 'npm'), `#!/bin/sh\ncat <<'END'\n${printed}\nEND\nexit 1\n`);
  chmodSync(join(folder, 'npm'), 0o755);
  const { stdout, status } = spawnSync(
    process.execPath,
    [fileURLToPath(new URL('../tools/audit.js', import.meta.url))],
    {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` },
    },
  );
  return { stdout, status };
}

const report = (severity: string) =>
  JSON.stringify({
    vulnerabilities: {
      leaky: { name: 'leaky', severity, range: '<2', via: [{ title: 'Leaks', url: 'https://example.org/1' }, 'other'] },
    },
    metadata: { vulnerabilities: { total: 1 } },
  });

test('the dependency audit fails on a severe advisory and names its package', () => {
  expect(audit(report('critical'))).toEqual({
    status: 1,
    stdout:
      'critical: leaky <2: Leaks https://example.org/1; by way of other\n' +
      'dependency audit: 1 of high or critical severity, 1 in all\n',
  });
  expect(audit(report('high')).status).toBe(1);
  expect(audit(report('moderate'))).toEqual({
    status: 0,
    stdout: 'dependency audit: 0 of high or critical severity, 1 in all\n',
  });
});

test('the dependency audit says SKIPPED if the registry answers without advisories', () => {
  for (const printed of ['{"message":"405 Method Not Allowed","error":{}}', 'npm error network', '']) {
    expect(audit(printed)).toEqual({ status: 0, stdout: expect.stringMatching(/^SKIPPED: dependency audit: .+/) });
  }
});
