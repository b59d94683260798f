/** @file Every operation and its gradients against the reference interpreter, in several precisions of products. */
import type { Precision } from '../../../configs/engines.ts';
import type { OpCase } from '../../../gpu-runner/compiler/testing/cases.ts';
import { OP_CASES } from '../../../gpu-runner/compiler/testing/cases.ts';
import { createReferenceEngine } from '../../../gpu-runner/engines/reference/engine.ts';
import { measureCase, PRODUCT_CASES, SHORT_TOLERANCES } from '../../../gpu-runner/engines/testing/conformance.ts';
import { mapBounded } from '../../../storage/map-bounded.ts';
import { baseFlags, openClient, type RunSection } from '../context.ts';
import { createPlainEngine, type PlainOptions } from '../plain-engine.ts';

interface Variant extends Pick<PlainOptions, 'lowering'> {
  readonly name: string;
  readonly precision: Precision;
  readonly cases: readonly OpCase[];
  readonly tolerance: number;
}

/** The longest one comes last. */
const VARIANTS: readonly Variant[] = [
  // Products in TF32 have 10 bits behind the point.
  {
    name: 'f32 tf32',
    precision: 'f32',
    cases: PRODUCT_CASES,
    tolerance: 2e-3,
    lowering: { float32Products: 'tf32' },
  },
  { name: 'bf16', precision: 'bf16', cases: PRODUCT_CASES, tolerance: SHORT_TOLERANCES.bf16 },
  { name: 'f16', precision: 'f16', cases: PRODUCT_CASES, tolerance: SHORT_TOLERANCES.f16 },
  { name: 'f32 highest', precision: 'f32', cases: OP_CASES, tolerance: 2e-6 },
];

/** Programs that are compiled at once. */
const WIDTH = 8;
const MOST_NAMED = 5;

export const run: RunSection = async (context, report) => {
  const client = await openClient(context);
  const reference = createReferenceEngine();
  const flags = { ...baseFlags(context), ...(context.platform === 'cuda' && { xla_gpu_autotune_level: 0 }) };
  for (const { name, precision, cases, tolerance, lowering = {} } of VARIANTS) {
    const engine = createPlainEngine(client, { flags, lowering, precision });
    let worst = 0;
    const failed: string[] = [];
    await mapBounded(cases, { width: WIDTH }, async testCase => {
      try {
        const error = Math.max(...Object.values(await measureCase(engine, reference, testCase, precision)));
        worst = Math.max(worst, error);
        if (!(error < tolerance)) failed.push(`${testCase.name} (${error.toExponential(1)})`);
      } catch (error) {
        failed.push(`${testCase.name} (${error instanceof Error ? error.message.slice(0, 100) : error})`);
      }
    });
    const named = failed.slice(0, MOST_NAMED).join('; ');
    report({
      products: name,
      cases: cases.length,
      passed: cases.length - failed.length,
      worst,
      tolerance,
      ...(named && { failed: named }),
    });
  }
  await client.dispose();
};
