/** @file What a solver works with, and what it makes. */
import type { Sampling } from '../../configs/sampling.ts';
import type { StepTimes } from './guide.ts';

/** The guided network. Each call runs the guidance once. The results have the shape of z, in f64. */
export interface Field {
  /** dz/dt. */
  velocity(z: Float32Array, t: number): Promise<Float64Array>;
  /** The predicted clean picture. */
  clean(z: Float32Array, t: number): Promise<Float64Array>;
}

export interface Step extends StepTimes {
  /** At time `from`; the solver changes it in place to time `to`. */
  readonly z: Float32Array;
  readonly field: Field;
}

/** Takes a step that ends above time 0. `integrate` takes the last step of every solver. */
export type Solve = (step: Step) => Promise<void>;

/** Makes the solver of one run. A multistep solver keeps its earlier steps in a closure. */
export type SolverRule = (sampling: Sampling) => Solve;
