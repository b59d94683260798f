import { expect, test } from 'vitest';
import { runsTier } from '../../test/tiers.ts';
import { takesAll } from '../../test/whole-suite.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { createOpenVinoEngine, probeOpenVino } from '../engines/openvino/engine.ts';
import { compileOnce } from '../engines/testing/compile-once.ts';
import { fewestRows } from './testing/covering-array.ts';
import { FEATURES, ROWS, switchOn } from './testing/switches.ts';
import { trainSwitched } from './testing/train-switched.ts';

/** The fewest configs that together switch on every feature. */
const CONFIGS = fewestRows(ROWS, FEATURES).map(switchOn);
const HAS_OPENVINO = runsTier('openvino', probeOpenVino().reason);

const ENGINES = [
  ['onnxruntime f32', compileOnce(createOnnxRuntimeEngine({ threads: 1 }))],
  ...(HAS_OPENVINO
    ? (['f32', 'bf16'] as const).map(
        precision => [`openvino ${precision}`, compileOnce(createOpenVinoEngine({ threads: 1, precision }))] as const,
      )
    : []),
] as const;

const ALL = takesAll(
  'resumption of all features on OpenVINO, and of half of them on ONNX Runtime; 16 steps instead of 40',
);
/** OpenVINO compiles for long. */
const isTaken = (name: string, number: number) => ALL || (name.startsWith('onnxruntime') && number <= 2);
/** Steps of each of four parts. More than an epoch in all. */
const PART = ALL ? 10 : 4;

const CASES = ENGINES.flatMap(([name, engine]) =>
  CONFIGS.map((config, i) => ({ name, engine, config, number: i + 1 })),
).filter(({ name, number }) => isTaken(name, number));

test.each(CASES)(
  `$name, config $number with features: ${4 * PART} steps are four times ${PART}, of which a kill lost some`,
  async ({ engine, config }) => {
    const whole = await trainSwitched(engine, config, [4 * PART]);
    const cut = await trainSwitched(engine, config, [PART, { lost: 3 }, PART, PART, { lost: 1 }, PART]);
    expect(cut.reports).toEqual(whole.reports);
    expect(cut.progress).toEqual(whole.progress);
    expect(cut.tensors).toEqual(whole.tensors);
  },
  180_000,
);
