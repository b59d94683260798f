import { describe, expect, test } from 'vitest';
import { type ComparisonRequest, comparisonRequestSchema, planArms } from './comparison-request.ts';

const plan = (request: ComparisonRequest) => planArms(comparisonRequestSchema.parse(request));

describe('which experiments are compared as what', () => {
  test('each experiment is an arm, and the first is the baseline', () => {
    expect(plan({ experiments: ['a', 'b', 'a'] })).toEqual({
      arms: [
        { name: 'a', experiments: ['a'] },
        { name: 'b', experiments: ['b'] },
      ],
      title: 'a and b',
      questions: [],
    });
  });

  test('experiments of a group are repeats of one arm, and the baseline comes first', () => {
    const found = plan({ experiments: ['x', 'a-1'], groups: { A: ['a-0', 'a-1'] }, baseline: 'a-1', title: 'T' });
    expect(found.arms).toEqual([
      { name: 'A', experiments: ['a-0', 'a-1'] },
      { name: 'x', experiments: ['x'] },
    ]);
    expect(found.title).toBe('T');
  });

  test.each<[ComparisonRequest, string]>([
    [{}, 'the call names no experiment'],
    [{ experiments: ['a'], baseline: 'b' }, 'baseline: there is no arm "b"'],
    [{ groups: { A: ['a'], B: ['a'] } }, 'the experiment "a" is in two groups'],
    [{ experiments: ['a'], groups: { a: ['b'] } }, 'two arms have the name "a"'],
    [
      { experiments: ['a'], questions: [{ question: '?', base: 'a', arm: 'c', measures: ['speed'] }] },
      'questions[0].arm: there is no arm "c"',
    ],
  ])('%j is refused', (request, message) => {
    expect(() => plan(request)).toThrow(message);
  });
});
