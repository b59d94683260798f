/** @file The process of one section: `node bench/gpu/section-process.ts NAME`. Prints each row as JSON. */
import { type RunSection, readContext } from './context.ts';
import { PRESET_SECTIONS } from './table.ts';

const RUNS: Readonly<Record<string, () => Promise<{ readonly run: RunSection }>>> = {
  device: () => import('./sections/device.ts'),
  calls: () => import('./sections/calls.ts'),
  conformance: () => import('./sections/conformance.ts'),
  attention: () => import('./sections/attention.ts'),
  steps: () => import('./sections/steps.ts'),
  replay: () => import('./sections/replay.ts'),
  saved: () => import('./sections/saved.ts'),
  target: () => import('./sections/target.ts'),
  webgpu: () => import('./sections/webgpu.ts'),
  'cap-24': () => import('./sections/memory-cap.ts'),
  ...Object.fromEntries(
    PRESET_SECTIONS.map(name => [name, async () => (await import('./sections/preset.ts')).sectionOf(name)]),
  ),
};

const [name = ''] = process.argv.slice(2);
const load = RUNS[name];
if (load === undefined) throw new Error(`there is no section ${name}`);
const { run } = await load();
await run(readContext(), row => console.log(JSON.stringify(row)));
// Threads of a plugin that is still at work do not hold the process.
process.exit(0);
