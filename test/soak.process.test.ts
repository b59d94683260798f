import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { canonicalJson } from '../storage/canonical.ts';
import { parseDigest } from '../storage/digest.ts';
import { blobKey } from '../storage/keys.ts';
import { openStore } from '../storage/open.ts';
import { checkpointSchema, resultSchema } from '../storage/records.ts';
import type { Ledger } from '../tools/soak/ledger.ts';
import { runSoak } from '../tools/soak/run-soak.ts';
import { takesAll } from './whole-suite.ts';

/** Changes an acknowledged picture, damages tensors of a checkpoint, deletes an experiment. @returns The experiment. */
async function spoil(url: string, ledger: Ledger): Promise<string> {
  const store = await openStore(url);
  const [picture] = ledger.pictures.values();
  const { objects } = await store.list('actions/sample/');
  for (const { key } of objects) {
    const result = resultSchema.parse(JSON.parse(Buffer.from((await store.get(key))?.body ?? []).toString()));
    const { image_000: image, pixels } = result.outputs;
    if (image === undefined || pixels === undefined || image.digest !== picture) continue;
    const outputs = { ...result.outputs, image_000: { ...image, digest: pixels.digest } };
    await store.put(key, Buffer.from(canonicalJson({ ...result, outputs })));
  }
  const [[gone, checkpoint] = ['', '']] = [...ledger.experiments].slice(-1);
  const manifest = await store.get(blobKey(parseDigest(checkpoint)));
  const { tensors } = checkpointSchema.parse(JSON.parse(Buffer.from(manifest?.body ?? []).toString()));
  for (const tensor of tensors.optimizer) await store.put(blobKey(tensor), Buffer.from('spoilt'));
  await store.delete(`refs/experiments/${gone}.json`);
  await store.close();
  return gone;
}

const soaks = takesAll('a soak of seconds and its audit');
test.runIf(soaks)(
  'a soak of seconds loses nothing, and its audit finds lost and wrong results',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'easel-soak-'));
    const url = `file:${folder}`;
    let before: Pick<Ledger, 'lost' | 'wrong'> | undefined;
    let acknowledged = { experiments: 0, pictures: 0 };
    let gone = '';
    try {
      const { ledger, chaos, audited } = await runSoak(
        {
          store: { url, env: {} },
          seconds: 12,
          seed: 3,
          variety: { datasets: 1, models: 1, pictures: 2 },
          users: 2,
          log: () => {},
        },
        async now => {
          before = { lost: [...now.lost], wrong: [...now.wrong] };
          acknowledged = { experiments: now.experiments.size, pictures: now.pictures.size };
          gone = await spoil(url, now);
        },
      );
      expect(before).toEqual({ lost: [], wrong: [] });
      expect(acknowledged.experiments).toBeGreaterThan(0);
      expect(acknowledged.pictures).toBeGreaterThan(0);
      expect([...chaos.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
      expect(audited.results).toBe(acknowledged.experiments + acknowledged.pictures + 1);
      expect(ledger.lost.join('\n')).toContain(`experiment ${gone}: GET /experiments/${gone}: 404`);
      expect(ledger.wrong.join('\n')).toMatch(/^picture \S+ \d, asked again, was answered with/m);
      expect(ledger.lost.join('\n')).toContain('is damaged');
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  300_000,
);
