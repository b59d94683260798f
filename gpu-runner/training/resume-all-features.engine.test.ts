import { expect, test } from 'vitest';
import { runsTier } from '../../test/tiers.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { createOpenVinoEngine, probeOpenVino } from '../engines/openvino/engine.ts';
import { compileOnce } from '../engines/testing/compile-once.ts';
import { fewestRows } from './testing/covering-array.ts';
import { FEATURES, ROWS, switchOn } from './testing/switches.ts';
import { trainSwitched } from './testing/train-switched.ts';
import { TAKES_WHOLE_ARRAY } from './testing/whole-array.ts';

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

/** Without the whole array: two configs on ONNX Runtime. OpenVINO compiles for long. */
const isTaken = (name: string, number: number) => TAKES_WHOLE_ARRAY || (name.startsWith('onnxruntime') && number <= 2);

const CASES = ENGINES.flatMap(([name, engine]) =>
  CONFIGS.map((config, i) => ({ name, engine, config, number: i + 1 })),
).filter(({ name, number }) => isTaken(name, number));

test.each(CASES)(
  '$name, config $number with features: 40 steps are four times 10, of which a kill lost some',
  async ({ engine, config }) => {
    const whole = await trainSwitched(engine, config, [40]);
    const cut = await trainSwitched(engine, config, [10, { lost: 3 }, 10, 10, { lost: 7 }, 10]);
    expect(cut.reports).toEqual(whole.reports);
    expect(cut.progress).toEqual(whole.progress);
    expect(cut.tensors).toEqual(whole.tensors);
  },
  180_000,
);
