/**
 * @file The training of a preset on random pictures: gradient and update alone on the device, whole steps with the
 * host, memory, and PyTorch on the same network.
 */
import { availableParallelism } from 'node:os';
import type { KeyedConfig } from '../../../configs/schema.ts';
import { expandComposites } from '../../../gpu-runner/compiler/expand-composites.ts';
import { countFlops } from '../../../gpu-runner/compiler/flops.ts';
import { createXlaEngine, type XlaEngine } from '../../../gpu-runner/engines/xla/engine.ts';
import { DeviceMemoryExhausted } from '../../../gpu-runner/engines/xla/pjrt/calls.ts';
import { bytesBeside, type Cut, type Frame, openPrograms } from '../../../gpu-runner/planning/programs.ts';
import { EMPTY_PROGRESS, Trainer } from '../../../gpu-runner/training/trainer.ts';
import { timeTorchOnGpu } from '../../torch-gpu-peer.ts';
import { configOf, repeatedSource } from '../bench-config.ts';
import type { Context, Report, RunSection } from '../context.ts';
import { microBatchOf } from '../micro-batch.ts';
import { peakTeraflops } from '../peak-rates.ts';
import { drawScalars, drawState, feedsAsState } from '../resident.ts';
import type { PresetName } from '../table.ts';
import { timeRuns } from '../time-runs.ts';

/** Samples of an update of the seed, and its optimizer steps per second at the two sizes of its plan. */
const SEED_UPDATE = 256;
const SEED_STEPS_PER_SECOND: Readonly<Partial<Record<PresetName, number>>> = { 'seed-384': 1.6, 'seed-768': 1.0 };

export const sectionOf = (name: PresetName): { readonly run: RunSection } => ({
  async run(context, report) {
    const { config, frame } = await configOf(name, context.isSmall);
    let ours: { readonly samplesPerSecond: number; readonly microBatch: number } | undefined;
    for (let microBatch = await microBatchOf(name, context); microBatch >= 1; microBatch >>= 1) {
      try {
        const samplesPerSecond = await measureOurs(name, context, { config, frame, microBatch }, report);
        ours = { samplesPerSecond, microBatch };
        break;
      } catch (error) {
        const reason = error instanceof Error ? error.message.slice(0, 300) : String(error);
        const isTooLarge = error instanceof DeviceMemoryExhausted || /out of memory|too little memory/i.test(reason);
        report({ micro_batch: microBatch, [isTooLarge ? 'does_not_fit' : 'failed']: reason });
        // The peer is measured even so.
        if (!isTooLarge) break;
      }
    }
    const { microBatch = 1, samplesPerSecond } = ours ?? {};
    const peer = await timeTorchOnGpu(config, { ...frame, batch: microBatch }, context);
    if (typeof peer === 'string') return report({ peer });
    const { version, mode, attention, ms, peak_bytes } = peer;
    const peerRate = (microBatch * 1000) / ms;
    report({
      peer: `torch ${version} ${mode}, attention ${attention}`,
      micro_batch: microBatch,
      gradient_ms: ms,
      samples_per_s: peerRate,
      ...(peak_bytes !== null && { peak_gb: peak_bytes / 1e9 }),
      // Above 1, we are faster.
      ...(samplesPerSecond !== undefined && { ratio: samplesPerSecond / peerRate }),
    });
  },
});

interface Work {
  readonly config: KeyedConfig;
  readonly frame: Frame;
  readonly microBatch: number;
}

/** Reports rows of ours. Returns samples per second of the gradient. */
async function measureOurs(name: PresetName, context: Context, work: Work, report: Report): Promise<number> {
  const { platform, cacheFolder, isSmall } = context;
  const engine = await createXlaEngine({
    platform,
    precision: 'bf16',
    threads: availableParallelism(),
    records: platform === 'cuda',
    cacheFolder,
  });
  try {
    return await measureOn(engine, name, isSmall, work, report);
  } finally {
    await engine.dispose();
  }
}

async function measureOn(
  engine: XlaEngine,
  name: PresetName,
  isSmall: boolean,
  { config: whole, frame, microBatch }: Work,
  report: Report,
): Promise<number> {
  // One micro-batch is the whole update, so that the steps of the trainer need no other program.
  const config = { ...whole, data: { ...whole.data, batch_size: microBatch } };
  const cut: Cut = { micro_batch: microBatch, gradient_checkpointing: false };
  const { precision = 'bf16', tuning } = engine;
  const programs = openPrograms(config, frame, { precision, ...(tuning && { tuning }) });
  const flops = countFlops(expandComposites(programs.traceGradient(cut))) / microBatch;
  const rounds = isSmall ? 2 : 10;

  let start = performance.now();
  const gradientGraph = programs.gradient(cut);
  const gradient = await engine.compile(feedsAsState(gradientGraph));
  const gradientCompile = (performance.now() - start) / 1000;
  const state = drawState(engine, feedsAsState(gradientGraph));
  const gradientMs = await timeRuns(gradient, state, {}, rounds);
  const samplesPerSecond = (microBatch * 1000) / gradientMs;
  const teraflops = (flops * samplesPerSecond) / 1e12;
  const peak = peakTeraflops(engine.device.kind);
  report({
    net: name,
    engine: engine.name,
    precision,
    parameters: programs.parameters,
    micro_batch: microBatch,
    compile_s: gradientCompile,
    gradient_ms: gradientMs,
    samples_per_s: samplesPerSecond,
    gflop_per_sample: flops / 1e9,
    tflops: teraflops,
    ...(peak !== undefined && { mfu: teraflops / peak }),
  });

  start = performance.now();
  const updateGraph = programs.update();
  const update = await engine.compile(updateGraph);
  const updateCompile = (performance.now() - start) / 1000;
  const updateState = drawState(engine, updateGraph);
  const updateMs = await timeRuns(update, updateState, drawScalars(updateGraph), rounds);
  const stepMs = (SEED_UPDATE / microBatch) * gradientMs + updateMs;
  report({
    update_compile_s: updateCompile,
    update_ms: updateMs,
    steps_per_s_of_256: 1000 / stepMs,
    mfu_of_step: peak === undefined ? null : (flops * SEED_UPDATE) / stepMs / 1e9 / peak,
    ...(SEED_STEPS_PER_SECOND[name] !== undefined && { seed_steps_per_s: SEED_STEPS_PER_SECOND[name] }),
  });
  state.dispose();
  updateState.dispose();
  const beside = bytesBeside(gradientGraph, programs.state, 1);
  const predicted = Math.max(
    gradient.peakBytes + beside,
    update.peakBytes + bytesBeside(updateGraph, programs.state, 1),
  );
  await gradient.dispose();
  await update.dispose();

  const trainer = new Trainer(engine, config, repeatedSource(config, frame), microBatch, EMPTY_PROGRESS);
  await trainer.step();
  const steps = isSmall ? 2 : 4;
  start = performance.now();
  for (let i = 0; i < steps; i++) await trainer.step();
  const wall = (performance.now() - start) / steps;
  await trainer.dispose();
  const measured = engine.device.readMemory()?.peakInUse;
  report({
    whole_step_ms: wall,
    host_share: Math.max(0, 1 - (gradientMs + updateMs) / wall),
    predicted_gb: predicted / 1e9,
    measured_gb: measured === undefined ? null : measured / 1e9,
  });
  return samplesPerSecond;
}
