import { describe, expect, it } from 'vitest';
import { graphInputs, graphReads } from '../../compiler/graph.ts';
import { hashedWeight } from '../../encoders/lpips/testing/hashed-numbers.ts';
import { interpret } from '../../engines/reference/engine.ts';
import { traceGradGraph } from '../grad-graph.ts';
import { type Arrays, fillArrays, slopesOf } from '../testing/slopes.ts';
import { tinyConfig } from '../testing/tiny.ts';
import { openLosses } from './losses.ts';

const BATCH = 2;
const SHAPE = { batch: BATCH, height: 28, width: 28, textTokens: 1 };

function traceLpips(lpips: object, objective: object = {}, shape = SHAPE) {
  const config = tinyConfig({
    model: { depth: 1, conditions: {} },
    objective: { ...objective, losses: { lpips: { weight: 0.5, net: 'squeeze', ...lpips } } },
  });
  return traceGradGraph(config, shape, { accumulate: false });
}

/** Feeds, and weights that are nowhere zero; those of the frozen net keep its features about their size. */
function arraysOf({ graph, frozen }: ReturnType<typeof traceLpips>, times: readonly number[]) {
  const feeds: Arrays = {
    ...fillArrays(graphInputs(graph)),
    t: { shape: [BATCH], data: Float64Array.from(times) },
    weight_lpips: { shape: [], data: Float64Array.of(0.5) },
  };
  const nets = frozen.map(({ net, name, shape }) => {
    const data = Float64Array.from(hashedWeight('squeeze', name, shape).data);
    return [`frozen.${net}.${name}`, { shape, data }] as const;
  });
  return { feeds, weights: { ...fillArrays(graphReads(graph), 0.5), ...Object.fromEntries(nets) } };
}

describe.each(['x_prediction', 'v_prediction'])('LPIPS as a loss, %s', prediction_type => {
  it(`gradients are the slope of both losses, and the net has none: ${prediction_type}`, () => {
    const traced = traceLpips({}, { prediction_type });
    const { feeds, weights } = arraysOf(traced, [0.1, 0.6]);
    const { analytic, numeric } = slopesOf(traced.graph, feeds, weights);
    expect(Math.abs(numeric)).toBeGreaterThan(1e-3);
    expect(Math.abs(analytic / numeric - 1)).toBeLessThan(1e-5);
    expect(Object.keys(traced.graph.writes).some(name => name.includes('features'))).toBe(false);
    expect(new Set(traced.frozen.map(({ net }) => net))).toEqual(new Set(['lpips-squeeze']));
  });
});

it('the loss counts the samples whose time lies between its limits', () => {
  for (const [limits, counted] of [
    [{ t_max: 0.6 }, [true, false]],
    [{ t_min: 0.605 }, [false, true]],
  ] as const) {
    const traced = traceLpips(limits);
    const { feeds, weights } = arraysOf(traced, [0.6, 0.61]);
    const { outputs } = interpret(traced.graph, feeds, new Map(Object.entries(weights)));
    expect([...(outputs['loss/lpips']?.data ?? [])].map(x => x > 0)).toEqual(counted);
  }
});

it('larger pictures are compared at a smaller size, and those that are too small are refused', () => {
  const large = { ...SHAPE, height: 56, width: 56 };
  const flops = (lpips: object, shape = SHAPE) => countConvolved(traceLpips(lpips, {}, shape));
  expect(flops({ max_side: 28 }, large)).toBe(flops({}));
  expect(flops({ max_side: 55 }, large)).toBe(flops({}));
  expect(flops({ max_side: 56 }, large)).toBeGreaterThan(3 * flops({}));
  expect(() => traceLpips({ max_side: 16 })).toThrow('14 x 14 is too small for LPIPS squeeze');
});

/** Elements of all convolutions' results. */
function countConvolved({ graph }: ReturnType<typeof traceLpips>): number {
  return graph.nodes.reduce(
    (sum, { op, shape }) => sum + (op === 'conv2d' ? shape.reduce((product, size) => product * size, 1) : 0),
    0,
  );
}

it.each([
  [{ net: 'resnet' }, /objective\.losses\.lpips\.net/],
  [{ max_sides: 3 }, /unknown key objective\.losses\.lpips\.max_sides/],
  [{ t_max: 1.5 }, /objective\.losses\.lpips\.t_max/],
])('LPIPS with %j is refused', (lpips, message) => {
  const config = tinyConfig({ objective: { losses: { lpips: { weight: 1, ...lpips } } } });
  expect(() => openLosses(config)).toThrow(message);
});
