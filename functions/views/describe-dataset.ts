/** @file What is said of a dataset in its view: index.json for programs, README.md for people. */

import { COLUMN_NAMES, COLUMNS, type ColumnName, memberName } from '../../configs/signals.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Dataset } from '../../storage/records.ts';

/** Rejects that are named; all are in the dataset. */
const MAX_REJECTS = 100;

export function describeDataset(name: string, digest: Digest, dataset: Dataset) {
  const { counts, encoders, removed, rejects } = dataset;
  return {
    v: 1,
    name,
    dataset: digest,
    columns: columnsOf(dataset),
    counts,
    encoders,
    removed,
    rejected: rejects.length,
    rejects: rejects.slice(0, MAX_REJECTS),
  } as const;
}

export function describeForPeople(name: string, digest: Digest, dataset: Dataset): string {
  const { counts, pages, removed, rejects } = dataset;
  return `# ${name}

${counts.pictures ?? 0} pictures in ${pages.length} pages of at most 64; ${rejects.length} rejected, ${removed.length} removed.

| | |
|---|---|
| dataset | \`${digest}\` |
| train, val, test | ${['train', 'val', 'test'].map(split => counts[split] ?? 0).join(', ')} |

- report.html: some of the pictures, and what was rejected and why.
- index.json: which blob each file is.
- pages/0000/: items.jsonl has a line for each picture (id, name, split, size); a tar per column has their members. The first
  member of a tar, \`index.json\`, says where the others lie; WebDataset reads them as they are.
${columnsOf(dataset)
  .map(column => `  - ${column}.tar: ${COLUMNS[column].about}: \`${memberName(column, '{id}')}\``)
  .join('\n')}

The files are copies of blobs under cas/, made by Easel and replaced by it when the name moves: change nothing here.
`;
}

function columnsOf({ pages }: Dataset): ColumnName[] {
  return COLUMN_NAMES.filter(column => pages.some(page => page.columns[column] !== undefined));
}
