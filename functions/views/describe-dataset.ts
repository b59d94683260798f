/** @file Describes a dataset in its view: index.json for programs, README.md for people. */

import { COLUMN_NAMES, COLUMNS, type ColumnName, memberName } from '../../configs/signals.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Dataset } from '../../storage/records.ts';
import { summarizeDataset } from '../datasets/summarize-dataset.ts';
import { POSE_SHEET } from './pose-sheets.ts';

/** Largest number of rejects in index.json. The dataset has all of them. */
const MAX_REJECTS = 100;

export function describeDataset(name: string, digest: Digest, dataset: Dataset) {
  const { encoders, removed, rejects } = dataset;
  return {
    v: 1,
    name,
    dataset: digest,
    columns: columnsOf(dataset),
    encoders,
    removed,
    rejected: rejects.length,
    rejects: rejects.slice(0, MAX_REJECTS),
    ...summarizeDataset(dataset),
  } as const;
}

/** README.md, of the content of index.json. */
export function describeForPeople({
  name,
  dataset,
  columns,
  summary,
  hasShards = false,
}: ReturnType<typeof describeDataset> & { readonly hasShards?: boolean }): string {
  return `# ${name}

${summary.map(line => `- ${line}`).join('\n')}

Dataset \`${dataset}\`, in pages of at most 64 pictures.

- report.html: some of the pictures, and the rejected files with the reasons.
- index.json: the digest of each file.
- pages/0000/: items.jsonl has a line for each picture (id, name, split, size). Each column is a tar with a member for
  each picture, and nothing else. WebDataset and other readers of tars read it; a comment before the members (a global
  pax header) has their positions, \`{"v":1,"members":{name:[offset,size]}}\`.
${poseLine(columns)}${columns.map(column => `  - ${column}.tar: ${COLUMNS[column].about}: \`${memberName(column, '{id}')}\``).join('\n')}
${hasShards ? SHARDS : ''}
The files are copies of blobs under cas/. Easel writes them, and replaces them when the name moves. Change nothing here.
`;
}

const SHARDS = `- shards/bucket_64x64/shard-000000.tar: WebDataset tars of the split train; shards/val and shards/test have the others.
`;

function poseLine(columns: readonly ColumnName[]): string {
  return columns.includes('pose') ? `  - ${POSE_SHEET}: its pictures, with the joints drawn over them\n` : '';
}

function columnsOf({ pages }: Dataset): ColumnName[] {
  return COLUMN_NAMES.filter(column => pages.some(page => page.columns[column] !== undefined));
}
