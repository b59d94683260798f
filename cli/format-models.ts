/** @file The table of `easel models`. */
import { z } from 'zod';
import { MODEL_PACKAGES, type ModelPackage } from '../configs/model-packages.ts';
import type { ModelSource } from '../configs/model-sources.ts';
import { MODEL_SOURCES } from '../configs/model-table.ts';
import { formatBytes } from './format-bytes.ts';
import { formatTable } from './table.ts';

export const listedModelSchema = z.looseObject({
  name: z.string(),
  weights: z.record(z.string(), z.array(z.string())),
  source: z.string(),
  license: z.looseObject({ name: z.string(), read_in: z.string() }),
  bytes: z.number().optional(),
});
export type ListedModel = z.infer<typeof listedModelSchema>;

const licensesOf = ({ license, downloads = {} }: ModelPackage) =>
  [license, ...Object.values(downloads).map(each => each.license)].map(each => each.name).join(' AND ');

const sourcesOf = ({ wheel, downloads = {} }: ModelPackage) =>
  [`PyPI ${wheel.project} ${wheel.version}`, ...Object.values(downloads).map(({ url }) => url)].join('; ');

/** Bytes in the store: of tensors in f32, or of files; undefined where a row does not say. */
export function storedBytes({ parts }: ModelSource): number | undefined {
  const sizes = Object.values(parts).map(({ elements, size }) => (elements === undefined ? size : 4 * elements));
  const [largest = 0] = sizes.filter(size => size !== undefined).sort((a, b) => b - a);
  return largest === 0 ? undefined : sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
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
