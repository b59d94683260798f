import { expect, test } from 'vitest';
import type { Accuracy } from './measure-prompts.ts';
import { formatAccuracy, summarizeAccuracy, summarizeFree } from './write-summary.ts';

const share = (of: number) => ({ share: of, low: of / 2, high: (of + 1) / 2, count: 8 });
const row = { key: 'hair', label: 'hair colour', samples: share(0.5), real: share(0.9) };
const usual: Accuracy = {
  rows: [row],
  counts: { samples: 8, real: 9 },
  seams: 1.25,
  cached: false,
  samples: [],
};

test('prompts in free wording are a column of the table and a part of the summary, if they were measured', () => {
  const freely: Accuracy = { ...usual, rows: [{ ...row, free: share(0.4) }], freePrompt: 'hair: red' };
  expect(formatAccuracy(freely)).toMatchInlineSnapshot(`
    "shows what the prompt says      8 fresh prompts          in free wording          9 real pictures
    hair colour                      50.0 %  (25.0 to 75.0)   40.0 %  (20.0 to 70.0)   90.0 %  (45.0 to 95.0)
    patch seams (real pictures: 1)    1.25                                              1.00
    free wording: the same portraits, asked for in forms that no caption has, as
      "hair: red""
  `);
  expect(summarizeFree(freely)).toEqual({ free_wording: { hair: { samples: 0.4, low: 0.2, high: 0.7 } } });
  expect(summarizeAccuracy(freely)).toEqual(summarizeAccuracy(usual));
});

test('without them, neither has anything about them', () => {
  expect(formatAccuracy(usual)).toMatchInlineSnapshot(`
    "shows what the prompt says      8 fresh prompts          9 real pictures
    hair colour                      50.0 %  (25.0 to 75.0)   90.0 %  (45.0 to 95.0)
    patch seams (real pictures: 1)    1.25                     1.00"
  `);
  expect(summarizeFree(usual)).toEqual({});
});
