/** @file Makes columns of the signals that the source of an import brought with its pictures. */
import { z } from 'zod';
import { type ColumnName, memberName, SIGNAL_NAMES, type SignalName, variantId } from '../configs/signals.ts';
import { Internal, Unprocessable } from '../errors.ts';
import { readNpyHeader } from '../formats/npy.ts';
import { reshapeSignalMember } from '../storage/blobs/column-member.ts';
import { verifyBlob } from '../storage/blobs/verify-blob.ts';
import { definePageFunction } from './define.ts';

export const takeSignals = definePageFunction({
  name: 'take-signals',
  summary:
    'Makes columns of the signals that came with the pictures, as those of a WebDataset or of the original project, ' +
    'without encoding anything.',
  version: 1,
  needs: ['image'],
  adds: [...SIGNAL_NAMES],
  example: { dataset: 'portraits', signals: ['text', 'cls'] },
  input: z.strictObject({
    signals: z.array(z.enum(SIGNAL_NAMES)).min(1).describe('signals that the import brought with every picture'),
  }),
  makes: ({ signals }) => SIGNAL_NAMES.filter(signal => signals.includes(signal)),
  async check(_, { given = {} }, { signals }) {
    const lacking = signals.filter(signal => given[signal] === undefined);
    if (lacking.length === 0) return;
    throw new Unprocessable(`the import brought no ${lacking.join(' and no ')} with its pictures`, {
      expected: `some of: ${Object.keys(given).join(', ') || 'none'}`,
      hint: 'encode-text and encode-image make signals of captions and pictures',
    });
  },
  encoders({ signals }, _, before) {
    const given = before?.given ?? {};
    return Object.fromEntries(
      // Of the pose, a dataset names no encoder.
      signals.flatMap(signal => (given[signal] && signal !== 'pose' ? [[signal, given[signal]] as const] : [])),
    );
  },
  async run(ctx, { items, columns }, { signals }) {
    const archives = new Set(items.flatMap(({ signals: own }) => signals.flatMap(name => own?.[name]?.archive ?? [])));
    // An archive may have the signals of many pages, so only parts of it are kept in memory.
    for (const archive of archives) await verifyBlob(ctx, archive);
    const made: Partial<Record<ColumnName, Map<string, Uint8Array>>> = {};
    for (const signal of signals) {
      const members = new Map<string, Uint8Array>();
      for (const { id, name, signals: own } of items) {
        const slice = own?.[signal];
        const image = columns.image?.get(memberName('image', id));
        if (slice === undefined || image === undefined) throw new Internal(`"${name}" (${id}) came without ${signal}`);
        for (const [i, span] of [slice, ...(slice.more ?? [])].entries()) {
          const { offset, size } = span;
          const bytes = await ctx.blobs.getRange(slice.archive, { start: offset, end: offset + size - 1 });
          const fitted = signal === 'patches' ? fitPatches(bytes, image, name) : bytes;
          members.set(memberName(signal, i === 0 ? id : variantId(id, i)), fitted);
        }
      }
      made[signal satisfies SignalName] = members;
    }
    return { columns: made };
  },
});

/** The grid of patches over the picture. @throws Unprocessable if the picture has another shape, or cuts cells. */
function fitPatches(bytes: Uint8Array, image: Uint8Array, name: string): Uint8Array {
  const [, height = 0, width = 0] = readNpyHeader(image).shape;
  const { shape } = readNpyHeader(bytes);
  const dim = shape.at(-1) ?? 0;
  const count = shape.slice(0, -1).reduce((product, each) => product * each, 1);
  const stride = Math.sqrt((width * height) / count);
  const [rows, cells] = [height / stride, width / stride];
  const isGrid = Number.isInteger(stride) && Number.isInteger(rows) && Number.isInteger(cells);
  if (isGrid && (shape.length === 2 || (shape[0] === rows && shape[1] === cells))) {
    if (shape.length === 3) return bytes;
    return reshapeSignalMember(bytes, [rows, cells, dim], `the patches of "${name}"`);
  }
  throw new Unprocessable(`"${name}" is ${width} x ${height} pixels, and came with patches [${shape.join(', ')}]`, {
    expected: 'the size that the patches were made of: each a square of whole pixels',
    hint: 'prepare with the size of the original, such as size 1024; or let encode-image make the patches',
  });
}
