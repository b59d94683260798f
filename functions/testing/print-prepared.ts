/** @file Prepares a dataset in a process of its own and prints its digest: `node print-prepared.ts BODY`. */
import { z } from 'zod';
import { createPictureLab } from './pictures.ts';

const body = z.record(z.string(), z.json()).parse(JSON.parse(process.argv[2] ?? '{}'));
const { digest } = z
  .object({ digest: z.string() })
  .parse(await createPictureLab().executor.callEffect('prepare', body));
process.stdout.write(`${digest}\n`);
