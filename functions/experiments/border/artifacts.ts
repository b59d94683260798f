/**
 * @file Everything that is kept with the checkpoint at the end of a chunk: what border steps make during a training,
 * and what people ask for later.
 */
import type { ArtifactKind } from './border-step.ts';
import { BORDER_STEPS } from './border-steps.ts';
import { evaluationArtifact } from './evaluation-artifact.ts';
import { memorizationArtifact } from './memorization-artifact.ts';

export interface NamedArtifact {
  /** Key in a chunk's `artifacts`. */
  readonly name: string;
  readonly artifact: ArtifactKind;
}

/** In the order of the view's README. */
export const ARTIFACTS: readonly NamedArtifact[] = [...BORDER_STEPS, memorizationArtifact, evaluationArtifact];
