/** @file The options of bench/gpu.ts. A wrong one ends the bench with one line before anything is measured. */
import { parseArgs } from 'node:util';
import { chooseSections, type Section } from './run-sections.ts';

/** The budgets of the table add up to more: what does not fit is told, with the command that measures it. */
export const USUAL_MINUTES = 9.3;

const USAGE =
  'options: [--minutes 9.3] [--only SECTION,SECTION] [--small] [--out FOLDER] [--json]; PLUGIN names a PJRT plugin';

export interface GpuOptions<S extends Section> {
  readonly minutes: number;
  readonly sections: readonly S[];
  /** Networks are small. */
  readonly small: boolean;
  readonly out: string;
  readonly json: boolean;
}

/** The options, or the status and the text with which the bench ends. */
export type Asked<S extends Section> =
  | { readonly options: GpuOptions<S> }
  | { readonly end: 0 | 1; readonly message: string };

export function readOptions<S extends Section>(args: readonly string[], table: readonly S[]): Asked<S> {
  try {
    const { minutes: written, only, help, ...rest } = parse(args);
    if (help) return { end: 0, message: `${USAGE}\nsections: ${table.map(({ name }) => name).join(',')}` };
    const minutes = Number(written);
    if (!(minutes > 0 && minutes < Infinity)) throw new RangeError(`--minutes ${written}: expected a number above 0`);
    return { options: { ...rest, minutes, sections: chooseSections(table, only) } };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { end: 1, message: `${message}\n${USAGE}` };
  }
}

const parse = (args: readonly string[]) =>
  parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: String(USUAL_MINUTES) },
      only: { type: 'string' },
      small: { type: 'boolean', default: false },
      out: { type: 'string', default: 'gpu-check-out' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  }).values;
