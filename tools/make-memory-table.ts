/**
 * @file Makes the table of docs/memory.md: what each size preset takes on each card. XLA compiles the programs of a
 * training for the card; no GPU is needed, only its plugin and ptxas. A row takes minutes and is kept in
 * docs/memory-plans/, so a later run goes on with the rows that are missing.
 * `node tools/make-memory-table.ts [--card rtx-4090,h100] [--preset prod-1] [--again] [--table]`
 */
import { fork } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { CARD_NAMES, CARDS, type CardName, findCard, reserveOf } from '../configs/cards.ts';
import { type MemoryPlan, memoryPlanSchema } from '../configs/memory-plan.ts';
import { loadPreset } from '../configs/presets.ts';
import { keyedConfigSchema } from '../configs/schema.ts';
import { SEED_CONDITIONS } from '../configs/seed-conditions.ts';
import { findCudaTools, findPlugin } from '../gpu-runner/engines/xla/library.ts';
import { createXlaPlanner } from '../gpu-runner/engines/xla/planner.ts';
import { planMemory } from '../gpu-runner/planning/plan-memory.ts';

const ROOT = join(import.meta.dirname, '..');
const PLANS = join(ROOT, 'docs/memory-plans');
const PAGE = join(ROOT, 'docs/memory.md');
const PRESETS = ['prod-1', 'prod-0', 'prod-2', 'seed-768', 'seed-384'];
const UTILIZATION = 0.45;

interface Row {
  readonly card: CardName;
  readonly preset: string;
}

const storedSchema = z.strictObject({
  v: z.literal(1),
  /** Time of all cores that the plan took, in seconds. */
  cpu_seconds: z.int(),
  plan: memoryPlanSchema,
});

const pathOf = ({ card, preset }: Row) => join(PLANS, `${card}.${preset}.json`);

async function planRow({ card, preset }: Row): Promise<MemoryPlan> {
  const { path: plugin, missing } = findPlugin('cuda');
  if (plugin === undefined) throw new Error(missing);
  const cudaFolder = findCudaTools(plugin);
  if (cudaFolder === undefined) throw new Error('ptxas is missing: set XLA_CUDA_DATA_DIR');
  const planner = await createXlaPlanner({ plugin, cudaFolder, card: findCard(card), precision: 'bf16' });
  const { run: _, model, ...sections } = await loadPreset(preset);
  const config = keyedConfigSchema.parse({ ...sections, model: { ...model, conditions: SEED_CONDITIONS } });
  const { width = 0, height = 0 } = config.data.image_size ?? {};
  const memoryBytes = CARDS[card].memoryMiB * 2 ** 20;
  const request = {
    config,
    frame: { width, height, textTokens: 512 },
    previews: 1,
    memoryBytes,
    reserveBytes: reserveOf('xla/cuda', memoryBytes),
    asked: {},
    largestMicroBatch: 64,
  };
  const started = performance.now();
  return planMemory(request, planner, 'XLA', ({ message }) =>
    console.log(`${card} ${preset}: ${Math.round((performance.now() - started) / 1000)} s, ${message}`),
  );
}

/** A process for each row: the compiler keeps memory. */
function runRow(row: Row): Promise<boolean> {
  return new Promise(resolve => {
    const child = fork(import.meta.filename, ['--only', `${row.card}.${row.preset}`], { execArgv: [] });
    child.on('close', code => resolve(code === 0));
  });
}

const gibibytes = (bytes: number) => (bytes / 2 ** 30).toFixed(1);

function formatRow(row: Row): string {
  const card = CARDS[row.card];
  const memory = `${Math.round(card.memoryMiB / 1024)} GB, ${card.name.replace('NVIDIA ', '')}, ${card.capability}`;
  if (!existsSync(pathOf(row))) return `| ${memory} | \`${row.preset}\` | not computed yet | | | | | | |`;
  const stored = storedSchema.parse(JSON.parse(readFileSync(pathOf(row), 'utf8')));
  const { plan, fits, peak, flops } = stored.plan;
  const update = 256 * flops.executed + flops.update;
  const seconds = update / (card.bf16Teraflops * 1e12 * UTILIZATION);
  const hours = (6000 * seconds) / 3600;
  const cut = fits ? String(plan.micro_batch) : `does not fit: ${plan.micro_batch} is the smallest`;
  const cells = [
    cut,
    plan.gradient_checkpointing ? 'yes' : 'no',
    gibibytes(peak.training_bytes),
    gibibytes(peak.preview_bytes),
    gibibytes(peak.sampling_bytes),
    `${seconds.toFixed(1)} s, ${hours.toFixed(hours < 2 ? 1 : 0)} h`,
    `${stored.cpu_seconds} s`,
  ];
  return `| ${memory} | \`${row.preset}\` | ${cells.join(' | ')} |`;
}

function writeTable(rows: readonly Row[]): void {
  const [START, END] = ['<!-- table -->', '<!-- end of the table -->'];
  const page = readFileSync(PAGE, 'utf8');
  const table = [
    '| card | preset | micro-batch | gradient checkpointing | training, GiB | with previews, GiB | one sample, GiB | an update, 6,000 updates | compiled in |',
    '| ---- | ------ | ----------- | ---------------------- | ------------ | ----------------- | -------------- | ------------------------ | ----------- |',
    ...rows.map(formatRow),
  ].join('\n');
  const before = page.slice(0, page.indexOf(START) + START.length);
  writeFileSync(PAGE, `${before}\n\n${table}\n\n${page.slice(page.indexOf(END))}`);
}

const { values } = parseArgs({
  options: {
    card: { type: 'string', default: CARD_NAMES.join() },
    preset: { type: 'string', default: PRESETS.join() },
    again: { type: 'boolean', default: false },
    table: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});

if (values.only !== undefined) {
  const [card = '', preset = ''] = values.only.split('.');
  const row = { card: card as CardName, preset };
  const plan = await planRow(row);
  const { user, system } = process.cpuUsage();
  const stored: z.infer<typeof storedSchema> = { v: 1, cpu_seconds: Math.round((user + system) / 1e6), plan };
  mkdirSync(PLANS, { recursive: true });
  writeFileSync(pathOf(row), `${JSON.stringify(stored, undefined, 2)}\n`);
} else {
  const allRows = CARD_NAMES.flatMap(card => PRESETS.map(preset => ({ card, preset })));
  const chosen = PRESETS.filter(preset => values.preset.split(',').includes(preset)).flatMap(preset =>
    values.card.split(',').map(card => ({ card: card as CardName, preset })),
  );
  for (const row of values.table ? [] : chosen) {
    findCard(row.card);
    if (values.again) rmSync(pathOf(row), { force: true });
    if (!existsSync(pathOf(row)) && !(await runRow(row))) console.error(`${row.card} ${row.preset} failed`);
    if (existsSync(PAGE)) writeTable(allRows);
  }
  if (existsSync(PAGE)) writeTable(allRows);
}
