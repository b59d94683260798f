/** @file Solvers: lead z along dz/dt = v, from time 1 (noise) towards time 0 (data). */
import type { SolverName } from '../../configs/sampling.ts';
import { createDpmpp2m, createUniPc } from './exponential-solvers.ts';
import type { SolverRule } from './solver.ts';

export const SOLVERS: Readonly<Record<SolverName, SolverRule>> = {
  euler:
    () =>
    async ({ z, from, to, field }) => {
      const velocity = await field.velocity(z, from);
      for (let k = 0; k < z.length; k++) z[k] = z[k]! + velocity[k]! * (to - from);
    },
  /** Heun's second-order method, as JiT samples (arXiv 2511.13720): two evaluations in every step but the last. */
  heun:
    () =>
    async ({ z, from, to, field }) => {
      const first = await field.velocity(z, from);
      const guess = z.map((value, k) => value + first[k]! * (to - from));
      const second = await field.velocity(guess, to);
      for (let k = 0; k < z.length; k++) z[k] = z[k]! + ((first[k]! + second[k]!) / 2) * (to - from);
    },
  dpmpp_2m: createDpmpp2m,
  unipc: createUniPc,
};
