/** @file The table of quality of a checkpoint, with its control rows. */
import { type Evaluation, evaluationSchema } from '../../../configs/evaluation.ts';
import { artifactKind, type NamedArtifact } from './border-step.ts';

export const EVALUATION = 'evaluation';

export const evaluationArtifact: NamedArtifact = {
  name: EVALUATION,
  artifact: artifactKind<Evaluation>({
    kind: 'evaluation',
    schema: evaluationSchema,
    folder: 'evaluation',
    files: ({ links: _, ...table }) => [{ name: 'results.json', json: table }],
    describe: () => '- evaluation/: drawn pictures beside real ones and control rows, where it was measured.',
  }),
};
