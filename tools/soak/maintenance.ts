/** @file What an operator does to a store beside the work, where the server has the functions. */
import { z } from 'zod';
import type { Client } from './client.ts';

const functionsSchema = z.looseObject({ functions: z.array(z.looseObject({ name: z.string() })) });
const listSchema = z.looseObject({ total: z.int() });
const verifiedSchema = z.looseObject({
  result: z.looseObject({ damaged: listSchema, missing: listSchema, unreadable: listSchema }),
});

export interface Maintenance {
  /** Sweeps with deletion, by the default grace period: beside the work it may delete nothing that is in use. */
  collectGarbage(): Promise<void>;
  /**
   * Reads the whole store.
   * @returns In words, the damaged, missing and unreadable objects; undefined if the server has no function `verify`.
   */
  verify(): Promise<readonly string[] | undefined>;
}

export async function createMaintenance(client: Client): Promise<Maintenance> {
  const { functions } = functionsSchema.parse((await client.ask('GET', '/functions')).body);
  const names = new Set(functions.map(({ name }) => name));
  return {
    async collectGarbage() {
      if (names.has('gc')) await client.ask('POST', '/functions/gc', { delete: true });
    },
    async verify() {
      if (!names.has('verify')) return undefined;
      const { body } = await client.ask('POST', '/functions/verify', {});
      const { damaged, missing, unreadable } = verifiedSchema.parse(body).result;
      return Object.entries({ damaged, missing, unreadable })
        .filter(([, { total }]) => total > 0)
        .map(([what, list]) => `${list.total} ${what}: ${JSON.stringify(list).slice(0, 2000)}`);
    },
  };
}
