import { expect, test } from 'vitest';
import type { CurationRecord } from './curation-record.ts';
import { isByRule, judge } from './rules.ts';

const RECORD: CurationRecord = { v: 1, measures: { blur: 12.345 }, scores: { 'text (logo)': 0.75 } };

test.each([
  [{ blur: { min: 60 } }, 'the sharpness is 12.35; expected at least 60 (rules.blur.min)'],
  [
    { scores: { 'text (logo)': { max: 0.5 } } },
    'the score "text (logo)" is 0.75; expected at most 0.5 (rules.scores.text (logo).max)',
  ],
])('a reason of the rule %j is known as that of a rule', (rules, reason) => {
  expect(judge(rules, RECORD)?.reason).toBe(reason);
  expect(isByRule(reason)).toBe(true);
});

test('other reasons are not those of a rule', () => {
  expect(isByRule('dropped in the list of approvals')).toBe(false);
  expect(isByRule('the same bytes as rules.png')).toBe(false);
});
