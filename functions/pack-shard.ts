/** @file Makes one shard: a WebDataset tar with the members of the original project. */
import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { Unprocessable } from '../errors.ts';
import { streamTar } from '../formats/tar.ts';
import { readDocument } from '../storage/blobs/document-blobs.ts';
import { openColumn } from '../storage/blobs/read-column.ts';
import { mapAhead } from '../storage/map-ahead.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction, type FunctionContext } from './define.ts';
import { completeShardOptions, type ShardOptions, shardShape } from './shards/shard-options.ts';
import { type ShardPlan, shardPlanSchema } from './shards/shard-plan.ts';
import { SHARD_COLUMNS, type ShardMembers, type ShardSampleTask } from './shards/shard-sample.ts';

/** Samples in work before they are written: some megabytes each. */
const AHEAD = 4;

export const packShard = defineFunction({
  name: 'pack-shard',
  summary: 'Makes one WebDataset tar of a plan that `shard` has made.',
  version: 1,
  kind: 'pure',
  digests: { plan: 'blob' },
  example: { plan: 'sha256:0000000000000000000000000000000000000000000000000000000000000000' },
  input: z.strictObject({ plan: digestSchema.describe('digest of the plan'), ...shardShape }),
  async run(ctx, { plan: digest, ...given }) {
    const plan = await readDocument(ctx.blobs, digest, shardPlanSchema, 'the plan of a shard');
    const tar = await ctx.blobs.putStream(streamTar(makeMembers(ctx, plan, completeShardOptions(given))), {
      mediaType: 'application/x-tar',
    });
    return { outputs: { tar }, stats: { samples: plan.samples.length } };
  },
});

async function* makeMembers(
  ctx: FunctionContext,
  plan: ShardPlan,
  options: ShardOptions,
): AsyncGenerator<ShardMembers[number]> {
  const pages = new Map<number, Promise<PageReaders>>();
  const readersOf = (page: number) => {
    const readers = pages.get(page) ?? openPage(ctx, plan.pages[page]?.columns ?? {});
    pages.set(page, readers);
    return readers;
  };
  const make = async (sample: ShardPlan['samples'][number]) => {
    ctx.signal.throwIfAborted();
    const columns = await readersOf(sample.page);
    const { split, bucket, encoders } = plan;
    const task: ShardSampleTask = {
      sample,
      page: plan.pages[sample.page]?.page ?? 0,
      split,
      bucket,
      encoders,
      options,
      caption: Buffer.from((await columns.read('caption', sample.id)) ?? '').toString('utf8'),
      members: await readMembers(columns, sample),
    };
    return ctx.task<ShardMembers>('shard-sample', task);
  };
  let done = 0;
  for await (const members of mapAhead(plan.samples, AHEAD, make)) {
    yield* members;
    ctx.progress({ phase: 'pack-shard', done: ++done, total: plan.samples.length, unit: 'pictures' });
  }
}

type ShardColumn = (typeof SHARD_COLUMNS)[number] | 'caption';

interface PageReaders {
  has(column: ShardColumn): boolean;
  read(column: ShardColumn, id: string): Promise<Uint8Array | undefined>;
}

async function openPage(ctx: FunctionContext, columns: ShardPlan['pages'][number]['columns']): Promise<PageReaders> {
  const names = [...SHARD_COLUMNS, 'caption' as const].filter(name => columns[name] !== undefined);
  const readers = new Map(
    await Promise.all(
      names.map(
        async name =>
          [name, await openColumn(ctx.blobs, columns[name] as NonNullable<(typeof columns)[typeof name]>)] as const,
      ),
    ),
  );
  return {
    has: name => readers.has(name),
    read: async (name, id) => readers.get(name)?.read(memberName(name, id)),
  };
}

/** The members of a sample by name, with those of further captions. @throws Unprocessable if a signal lacks it. */
async function readMembers(
  columns: PageReaders,
  { id, name }: ShardPlan['samples'][number],
): Promise<Map<string, Uint8Array>> {
  const members = new Map<string, Uint8Array>();
  for (const column of SHARD_COLUMNS) {
    const bytes = await columns.read(column, id);
    if (bytes !== undefined) members.set(memberName(column, id), bytes);
    else if (columns.has(column) && column !== 'mask') {
      throw new Unprocessable(`"${name}" (${id}) has no ${column}`, {
        expected: `a column "${column}" with every picture`,
        hint: 'run the stage that makes it again',
      });
    }
  }
  for (let i = 1; members.has(memberName('text', id)); i++) {
    const bytes = await columns.read('text', `${id}.${i}`);
    if (bytes === undefined) break;
    members.set(memberName('text', `${id}.${i}`), bytes);
  }
  return members;
}
