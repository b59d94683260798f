/** @file The memory of a device on which several programs run by turns. */
import type { PlannedProgram } from '../compiler/planner.ts';

/** A program, and the bytes on the device that it does not count. */
export interface PlacedProgram extends PlannedProgram {
  readonly besideBytes: number;
}

/** The most bytes at any time: what each program keeps is there while the others run. */
export function peakTogether(programs: readonly PlacedProgram[]): number {
  return Math.max(...programs.map(program => passingBytes(program))) + keptTogether(programs);
}

/** The most bytes while `program` runs, after runs of the others. */
export function peakDuring(program: PlacedProgram, others: readonly PlannedProgram[]): number {
  return passingBytes(program) + keptTogether([program, ...others]);
}

/** The bytes that the programs keep between runs. */
export function keptTogether(programs: readonly PlannedProgram[]): number {
  const own = programs.reduce((sum, { ownBytes = 0 }) => sum + ownBytes, 0);
  return own + Math.max(0, ...programs.map(({ sharedBytes = 0 }) => sharedBytes));
}

/** Bytes of a run that are not kept. */
function passingBytes({ peakBytes, sharedBytes = 0, ownBytes = 0, besideBytes }: PlacedProgram): number {
  return peakBytes - sharedBytes - ownBytes + besideBytes;
}
