/** @file The table of `easel models`. */
import { z } from 'zod';
import { licensesOf, MODEL_PACKAGES, type ModelPackage } from '../configs/model-packages.ts';
import type { ModelSource } from '../configs/model-sources.ts';
import { MODEL_SOURCES } from '../configs/model-table.ts';
import { formatDuration } from './eta.ts';
import { formatBytes } from './format-bytes.ts';
import { modelSchema } from './install-model.ts';
import { formatTable } from './table.ts';

export const listedModelSchema = modelSchema.extend({ bytes: z.number().optional() });
export type ListedModel = z.infer<typeof listedModelSchema>;

const sourcesOf = ({ wheel, downloads = {} }: ModelPackage) =>
  [`PyPI ${wheel.project} ${wheel.version}`, ...Object.values(downloads).map(({ url }) => url)].join('; ');

/** Bytes in the store: of tensors in f32, or of files; undefined where a row does not say. */
function storedBytes({ parts }: ModelSource): number | undefined {
  const sizes = Object.values(parts).map(({ elements, size = 0 }) => (elements === undefined ? size : 4 * elements));
  return sizes.reduce((sum, size) => sum + size, 0) || undefined;
}

/** Stored models first, then those that can be installed. */
export function formatModels(models: readonly ListedModel[]): string {
  const isOther = ({ name }: { readonly name: string }) => !models.some(each => each.name === name);
  const sizeOf = (bytes: number | undefined) => (bytes === undefined ? '' : formatBytes(bytes));
  return formatTable([
    ['model', 'installed', 'size', 'licence', 'source'],
    ...models.map(({ name, license, source, bytes }) => [name, 'yes', sizeOf(bytes), license.name, shorten(source)]),
    ...MODEL_PACKAGES.filter(isOther).map(row => [
      row.name,
      'no',
      sizeOf(row.size * 1e6),
      licensesOf(row),
      sourcesOf(row),
    ]),
    ...MODEL_SOURCES.filter(isOther).map(row => [
      row.name,
      'no',
      sizeOf(storedBytes(row)),
      row.license.gated ? `${row.license.name} (gated)` : row.license.name,
      [...new Set(Object.values(row.parts).map(({ repo }) => `huggingface.co/${repo}`))].join('; '),
    ]),
  ]);
}

/** Without digests, which `--json` has. */
function shorten(source: string): string {
  return [...new Set(source.split('; ').map(each => each.replace(/, sha256 [0-9a-f]{64}$/, '')))].join('; ');
}

export const costsSchema = z.looseObject({
  pictures: z.number(),
  engine: z.looseObject({ name: z.string(), precision: z.string() }),
  operations_per_second: z.number(),
  models: z.array(
    z.looseObject({
      model: z.string(),
      reads: z.string(),
      installed: z.boolean(),
      seconds: z.number(),
      memory_bytes: z.number(),
      license: z.string().optional(),
      binds: z.string().optional(),
    }),
  ),
  assumptions: z.array(z.string()),
});

/** What each encoder would cost, and below it the assumptions and what licences bind. */
export function formatCosts({ models, engine, pictures, assumptions, ...costs }: z.infer<typeof costsSchema>): string {
  const table = formatTable([
    ['model', 'reads', 'installed', 'memory', 'time', 'licence'],
    ...models.map(({ model, reads, installed, memory_bytes, seconds, license = '' }) => [
      model,
      reads,
      installed ? 'yes' : 'no',
      formatBytes(memory_bytes),
      formatDuration(Math.ceil(seconds)),
      license,
    ]),
  ]);
  const rate = `${(costs.operations_per_second / 1e9).toPrecision(3)} billion operations per second`;
  const binds = [...Map.groupBy(models, ({ license }) => license)].flatMap(([license, [first]]) =>
    license === undefined ? [] : [`${license}: does it bind the trained network? ${first?.binds ?? ''}`],
  );
  return [
    table,
    `for ${pictures} pictures on ${engine.name} (${engine.precision}), which was measured at ${rate}; assumed:`,
    ...assumptions.map(line => `- ${line}`),
    ...binds,
  ].join('\n');
}
