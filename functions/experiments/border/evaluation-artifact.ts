/** @file The table of quality of a checkpoint, with its control rows. */
import { type Evaluation, evaluationSchema } from '../../../configs/evaluation.ts';
import { artifactKind, type NamedArtifact } from './border-step.ts';

const define = (name: string, folder: string, about: string): NamedArtifact => ({
  name,
  artifact: artifactKind<Evaluation>({
    kind: 'evaluation',
    schema: evaluationSchema,
    folder,
    files: ({ links: _, ...table }) => [{ name: 'results.json', json: table }],
    describe: () => `- ${folder}/: ${about}, where it was measured.`,
  }),
});

export const evaluationArtifact = define(
  'evaluation',
  'evaluation',
  'drawn pictures beside real ones and control rows',
);

/** On the split `test`: a table that is made once, after everything was chosen by the split `val`. */
export const testEvaluationArtifact = define('test_evaluation', 'evaluation-test', 'the same on the split test');
