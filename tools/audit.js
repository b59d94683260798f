// Plain JavaScript, for any Node: known vulnerabilities of what users install, as the registry tells them.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** From this severity on, CI fails. */
const FAILING = ['high', 'critical'];

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { stdout, error } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { cwd: root, encoding: 'utf8' });
const report = parse(stdout);

if (error !== undefined || report?.metadata?.vulnerabilities === undefined) {
  const why = error?.message ?? report?.message ?? 'npm audit gave no report';
  console.log(`SKIPPED: dependency audit: ${why}`);
} else {
  const found = Object.values(report.vulnerabilities ?? {}).filter(({ severity }) => FAILING.includes(severity));
  for (const { name, severity, range, via } of found) {
    const titles = via.map(cause => (typeof cause === 'string' ? `by way of ${cause}` : `${cause.title} ${cause.url}`));
    console.log(`${severity}: ${name} ${range}: ${titles.join('; ')}`);
  }
  const { total } = report.metadata.vulnerabilities;
  console.log(`dependency audit: ${found.length} of ${FAILING.join(' or ')} severity, ${total} in all`);
  process.exitCode = found.length === 0 ? 0 : 1;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
