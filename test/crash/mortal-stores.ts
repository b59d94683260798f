/** @file Stands for storage/open.ts: a store at whose n-th operation the process kills itself, once. */
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { interceptStore, type StoreCall } from '../../storage/intercept.ts';
import { openStore as openRealStore } from '../../storage/open.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { createMortalStore, MOMENTS } from './mortal-store.ts';

/** The environment variable that says who dies when. */
export const FATE = 'TEST_FATE';

export const PROGRAMS = ['server', 'runner'] as const;
export type Program = (typeof PROGRAMS)[number];

export const killPointSchema = z.strictObject({
  program: z.enum(PROGRAMS),
  operation: z.int().positive(),
  moment: z.enum(MOMENTS),
});
export type KillPoint = z.output<typeof killPointSchema>;

const fateSchema = z.union([
  /** It dies, and its next start finds the marker and lives. */
  killPointSchema.extend({ marker: z.string() }),
  /** It lives; each operation is a line of the journal. */
  z.strictObject({ program: z.enum(PROGRAMS), journal: z.string() }),
]);
export type Fate = z.output<typeof fateSchema>;

export async function openStore(url: string): Promise<ObjectStore> {
  const store = await openRealStore(url);
  const fates = z.array(fateSchema).parse(JSON.parse(process.env[FATE] ?? '[]'));
  // Only a server is told of runners.
  const program: Program = process.env.EASEL_RUNNERS === undefined ? 'runner' : 'server';
  const fate = fates.find(given => given.program === program);
  if (fate === undefined) return store;
  if ('journal' in fate) {
    return interceptStore(store, (call, run) => {
      appendFileSync(fate.journal, `${tell(call)}\n`);
      return run();
    });
  }
  if (existsSync(fate.marker)) return store;
  return createMortalStore(store, fate, call => {
    writeFileSync(fate.marker, tell(call));
    process.kill(process.pid, 'SIGKILL');
  });
}

function tell({ operation, key }: StoreCall): string {
  return `${operation} ${key}`;
}
