/**
 * @file XLA's plugin for CUDA compiles the programs of a training, and each case of the conformance tests, for GPUs
 * that this machine does not have: `npm run test:gpu-compile`. EASEL_CAPABILITIES names compute capabilities; absent:
 * all. EASEL_COMPILE_PRESETS names size presets to compile for each of them, or `all`; absent: prod-1 for 8.9. All
 * presets for all capabilities take half an hour on two cores.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { MODEL_NETS } from '../../bench/model-nets.ts';
import { CARDS, type Card } from '../../configs/cards.ts';
import type { Precision } from '../../configs/engines.ts';
import { loadPreset } from '../../configs/presets.ts';
import { type KeyedConfig, keyedConfigSchema } from '../../configs/schema.ts';
import { SEED_CONDITIONS } from '../../configs/seed-conditions.ts';
import { attend } from '../../gpu-runner/compiler/attention.ts';
import * as f from '../../gpu-runner/compiler/functions.ts';
import { grad } from '../../gpu-runner/compiler/grad.ts';
import type { Graph } from '../../gpu-runner/compiler/graph.ts';
import { mixPrecision } from '../../gpu-runner/compiler/passes/mixed-precision.ts';
import { lowerToStableHlo } from '../../gpu-runner/compiler/targets/stablehlo/lower.ts';
import { OP_CASES } from '../../gpu-runner/compiler/testing/cases.ts';
import { trace } from '../../gpu-runner/compiler/trace.ts';
import { PRODUCT_CASES, traceCase } from '../../gpu-runner/engines/testing/conformance.ts';
import { flagsFor } from '../../gpu-runner/engines/xla/flags.ts';
import { findCudaTools, findPlugin } from '../../gpu-runner/engines/xla/library.ts';
import { compileFor } from '../../gpu-runner/engines/xla/pjrt/ahead-of-time.ts';
import type { CompiledMemory } from '../../gpu-runner/engines/xla/pjrt/executables.ts';
import { openPlugin, type PjrtPlugin } from '../../gpu-runner/engines/xla/pjrt/plugin.ts';
import { targetConfigOf } from '../../gpu-runner/engines/xla/target-config.ts';
import { openPrograms } from '../../gpu-runner/planning/programs.ts';
import { runsTier } from '../tiers.ts';

/** One card of each capability. */
const CARDS_BY_CAPABILITY: Readonly<Record<Card['capability'], Card>> = {
  '8.6': CARDS['rtx-3060'],
  '8.9': CARDS['rtx-4090'],
  '9.0': CARDS.h100,
  '12.0': CARDS['rtx-5080'],
};

const asked = process.env.EASEL_CAPABILITIES?.split(',').map(name => name.trim());
const CAPABILITIES = Object.entries(CARDS_BY_CAPABILITY).filter(([name]) => asked?.includes(name) ?? true);
if (CAPABILITIES.length === 0)
  throw new Error(`EASEL_CAPABILITIES: expected some of ${Object.keys(CARDS_BY_CAPABILITY).join()}`);

const plugin = findPlugin('cuda');
const cudaTools = plugin.path === undefined ? undefined : findCudaTools(plugin.path);

function missingPart(): string | undefined {
  if (plugin.path === undefined) return plugin.missing;
  return cudaTools === undefined
    ? 'ptxas is missing: set XLA_CUDA_DATA_DIR to the folder of the CUDA tools'
    : undefined;
}

/** A cuDNN beside the plugin would otherwise be asked whether it takes an attention, and it wants a driver for that. */
const WITHOUT_DRIVER = { xla_gpu_cudnn_deviceless_compilation_mode: 'CUDNN_DEVICELESS_COMPILATION_DISABLED' };

let opened: Promise<PjrtPlugin> | undefined;

/** Compiles with the flags of an engine that promises equal bits. */
async function compile(graph: Graph, card: Card): Promise<CompiledMemory> {
  opened ??= openPlugin(plugin.path ?? '');
  const { text } = lowerToStableHlo(graph, { attention: 'cudnn' });
  const flags = {
    ...flagsFor({ platform: 'cuda', deterministic: true, choices: { by: 'default' }, cudaTools }),
    ...WITHOUT_DRIVER,
  };
  const { memory, bytes } = await compileFor(await opened, { config: targetConfigOf(card) }, text, { flags });
  expect(bytes.length).toBeGreaterThan(0);
  return memory;
}

/** Forward and backward pass of attention with hidden keys. */
function traceAttention(fused: boolean): Graph {
  const graph = trace(builder => {
    const input = (name: string, tokens: number) => builder.input(name, { shape: [4, 8, tokens, 64], dtype: 'f32' });
    const [query, key, value] = [input('query', 1024), input('key', 1280), input('value', 1280)];
    const bias = builder.input('bias', { shape: [4, 1, 1, 1280], dtype: 'f32' });
    const y = attend(query, [{ key, value, bias }], { fused });
    const gradients = grad(f.sumAll(f.mul(y, y)), [query, key, value]);
    return { outputs: { y, ...Object.fromEntries(gradients.map((gradient, i) => [`g${i}`, gradient])) } };
  });
  return mixPrecision(graph, 'bf16');
}

interface Training {
  readonly name: string;
  readonly batch: number;
  readonly textTokens: number;
  open(): Promise<KeyedConfig>;
}

async function openPreset(name: string): Promise<KeyedConfig> {
  const { run: _, model, ...sections } = await loadPreset(name);
  return keyedConfigSchema.parse({ ...sections, model: { ...model, conditions: SEED_CONDITIONS } });
}

const DEMO: Training = { name: 'demo', batch: 64, textTokens: 32, open: async () => MODEL_NETS.demo.config };

const PRESETS = ['prod-0', 'prod-1', 'prod-2', 'seed-384', 'seed-768'];
const askedPresets = process.env.EASEL_COMPILE_PRESETS?.split(',').map(name => name.trim());

function trainingsFor(capability: string): Training[] {
  const usual = capability === '8.9' ? ['prod-1'] : [];
  const names = askedPresets === undefined ? usual : askedPresets.includes('all') ? PRESETS : askedPresets;
  return [DEMO, ...names.map(name => ({ name, batch: 2, textTokens: 512, open: () => openPreset(name) }))];
}

const DEMO_SIZE = { width: 64, height: 64 };

async function programsOf({ open, textTokens }: Training) {
  const config = await open();
  const { width, height } = config.data.image_size ?? DEMO_SIZE;
  return openPrograms(config, { width, height, textTokens }, { precision: 'bf16', tuning: { fusesAttention: true } });
}

/** Times and peaks, printed at the end. */
const rows: string[] = [];

async function compileTimed(what: string, graph: Graph, card: Card): Promise<void> {
  const start = performance.now();
  const { peak } = await compile(graph, card);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  rows.push(`${card.name} (${card.capability}), ${what}: ${seconds} s, peak ${(peak / 1e9).toFixed(2)} GB`);
}

afterAll(() => console.info(rows.join('\n')));

describe.skipIf(!runsTier('xla-cuda-compile', missingPart())).each(CAPABILITIES)(
  'the CUDA plugin for compute capability %s',
  (capability, card) => {
    it.each(['f32', 'bf16', 'f16'] as const)(
      'compiles every case of the conformance tests with products in %s',
      async (precision: Precision) => {
        const start = performance.now();
        for (const testCase of precision === 'f32' ? OP_CASES : PRODUCT_CASES) {
          await expect(
            compile(mixPrecision(traceCase(testCase), precision), card),
            testCase.name,
          ).resolves.toBeDefined();
        }
        rows.push(
          `${card.name} (${card.capability}), cases in ${precision}: ${((performance.now() - start) / 1000).toFixed(1)} s`,
        );
      },
    );

    it('compiles attention by cuDNN, in a fifth of the memory of its primitives', async () => {
      const [fused, whole] = [await compile(traceAttention(true), card), await compile(traceAttention(false), card)];
      expect(fused.temporaries).toBeLessThan(whole.temporaries / 5);
    });

    it.each(trainingsFor(capability))(
      'compiles the programs of $name: gradients, with and without checkpointing, update, prediction',
      async training => {
        const { name, batch } = training;
        const programs = await programsOf(training);
        for (const gradient_checkpointing of [true, false]) {
          const graph = programs.gradient({ micro_batch: batch, gradient_checkpointing });
          await compileTimed(
            `${name}, gradients of ${batch}${gradient_checkpointing ? ', checkpointing' : ''}`,
            graph,
            card,
          );
        }
        await compileTimed(`${name}, update`, programs.update(), card);
        await compileTimed(`${name}, prediction`, programs.predict(batch), card);
      },
    );
  },
);
