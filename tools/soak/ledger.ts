/** @file What was acknowledged, and whether it is still there and right. */
import { z } from 'zod';
import { findHistoryFaults } from '../../functions/testing/history.ts';
import { digestSchema } from '../../storage/records.ts';
import { type Client, Refused } from './client.ts';
import { prepare, sample } from './workload.ts';

export interface Ledger {
  /** Name of an experiment -> its final checkpoint. */
  readonly experiments: Map<string, string>;
  /** Number of a data set -> its digest. */
  readonly datasets: Map<number, string>;
  /** `<checkpoint> <picture>` -> the digest of the picture. */
  readonly pictures: Map<string, string>;
  /** In words; to be none. */
  readonly lost: string[];
  readonly wrong: string[];
}

export function createLedger(): Ledger {
  return { experiments: new Map(), datasets: new Map(), pictures: new Map(), lost: [], wrong: [] };
}

/** An answer, against what the oracle says. */
export function acknowledge(ledger: Ledger, what: string, got: string, expected: string): boolean {
  if (got === expected) return true;
  ledger.wrong.push(`${what} was answered with ${got}, and is ${expected}`);
  return false;
}

const experimentSchema = z.looseObject({
  state: z.string(),
  step: z.int(),
  checkpoint: digestSchema.optional(),
  checkpoints: z.array(z.looseObject({ step: z.int(), checkpoint: digestSchema })),
});
const chunksSchema = z.looseObject({
  chunks: z.array(z.looseObject({ from: z.int(), to: z.int() })),
  next: z.int().optional(),
});
const checkpointSchema = z.looseObject({ tensors: z.record(z.string(), z.array(digestSchema)) });

/** Asks for every acknowledged result and reads its blobs. @returns Digests of the blobs that are right. */
export async function audit(ledger: Ledger, client: Client): Promise<number> {
  const blobs = new Set<string>();
  for (const [dataset, digest] of ledger.datasets) {
    await check(ledger, `data set ${dataset}`, async () => {
      acknowledge(ledger, `data set ${dataset}, asked again,`, (await prepare(client, dataset)).digest, digest);
      blobs.add(digest);
    });
  }
  for (const [name, checkpoint] of ledger.experiments) {
    const look = () => auditExperiment(ledger, client, name, checkpoint, blobs);
    await check(ledger, `experiment ${name}`, look, () => ledger.experiments.has(name));
  }
  for (const [key, digest] of ledger.pictures) {
    const [checkpoint = '', picture = ''] = key.split(' ');
    await check(ledger, `picture ${key}`, async () => {
      const again = await sample(client, checkpoint, Number(picture));
      acknowledge(ledger, `picture ${key}, asked again,`, again.digest, digest);
      blobs.add(digest);
    });
  }
  for (const digest of blobs) {
    await check(ledger, `the blob ${digest}`, async () => {
      acknowledge(ledger, `the blob ${digest}`, await client.hashBlob(digest), digest);
    });
  }
  return blobs.size;
}

async function auditExperiment(
  ledger: Ledger,
  client: Client,
  name: string,
  checkpoint: string,
  blobs: Set<string>,
): Promise<void> {
  const head = experimentSchema.parse((await client.ask('GET', `/experiments/${name}`)).body);
  acknowledge(ledger, `experiment ${name}, looked at again,`, head.checkpoint ?? 'none', checkpoint);
  const kept = head.checkpoints.map(({ step }) => step);
  const chunks = await listChunks(client, name);
  for (const fault of findHistoryFaults({ step: head.step, chunks, kept })) {
    ledger.wrong.push(`the history of ${name}: ${fault}`);
  }
  for (const { checkpoint: digest } of head.checkpoints) {
    blobs.add(digest);
    const manifest = checkpointSchema.parse((await client.ask('GET', `/objects/${digest}`)).body);
    for (const tensor of Object.values(manifest.tensors).flat()) blobs.add(tensor);
  }
}

async function listChunks(client: Client, name: string): Promise<z.output<typeof chunksSchema>['chunks']> {
  const chunks: z.output<typeof chunksSchema>['chunks'] = [];
  for (let after: number | undefined = 0; after !== undefined; ) {
    const { body } = await client.ask('GET', `/experiments/${name}/chunks?after=${after}`);
    const page: z.output<typeof chunksSchema> = chunksSchema.parse(body);
    chunks.push(...page.chunks);
    after = page.next;
  }
  return chunks;
}

/** What is refused now was acknowledged once. @param isWanted False when a user has deleted it since. */
async function check(
  ledger: Ledger,
  what: string,
  look: () => Promise<void>,
  isWanted: () => boolean = () => true,
): Promise<void> {
  try {
    await look();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (isWanted()) ledger.lost.push(`${what}: ${error.message}`);
  }
}
