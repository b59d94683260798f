/**
 * @file Everything that is kept with the checkpoint at the end of a chunk: what border steps make during a training,
 * and what people ask for later.
 */
import type { NamedArtifact } from './border-step.ts';
import { BORDER_STEPS } from './border-steps.ts';
import { evaluationArtifact, testEvaluationArtifact } from './evaluation-artifact.ts';

/** In the order of the view's README. */
export const ARTIFACTS: readonly NamedArtifact[] = [...BORDER_STEPS, evaluationArtifact, testEvaluationArtifact];
