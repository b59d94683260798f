import { expect, test } from 'vitest';
import { readCheck } from './commands/check-memorization.ts';
import { type Checked, formatCopies } from './format-copies.ts';

const copies = (found: number, pictures: number) => {
  return { copies: found, pictures, rate: found / pictures, low: 0.001, high: 0.009 };
};

const FOUND: Checked = {
  ...{ v: 1, checkpoint: `sha256:${'a'.repeat(64)}`, dataset: `sha256:${'b'.repeat(64)}`, ratio: 1 / 3, limit: 0.01 },
  ...{ memorized: false, condition: 'text', split: 'train', samples: 1000, why_extractor: 'the first that is left' },
  ...{ experiment: 'cats', step: 500, document: 'sha256:d', verdict: 'no memorizing found' },
  gap: { train: 0.0201, held_out: 0.021, difference: 0.0009 },
  caption_swap: { condition: 'other_pose', samples: 256 },
  picture_gap: {
    ...{ extractor: 'dct', lpips: 'lpips-alex' },
    measures: {
      lpips: {
        ...{ train: { n: 9, mean: 0.3, low: 0.2, high: 0.4 }, held_out: { n: 9, mean: 0.51, low: 0.4, high: 0.6 } },
        difference: { mean: 0.21, low: 0.1, high: 0.32 },
      },
    },
  },
  spaces: [
    {
      ...{ extractor: 'dct', training: 640, drawn: copies(3, 1000), held_out: copies(0, 90), excess: 0.003 },
      obeyed: copies(0, 40),
      caption_swap: { returned: copies(2, 256), floor: copies(0, 90), excess: 2 / 256 },
      authentic: {
        drawn: { pictures: 1000, authentic: 450, rate: 0.45, low: 0, high: 1 },
        held_out: { pictures: 90, authentic: 45, rate: 0.5, low: 0, high: 1 },
      },
      data_copying: { drawn: { score: -0.4, sd: 0.6, cells: 3 }, held_out: null },
    },
    { extractor: 'thumbnail', training: 640, drawn: copies(0, 1000), held_out: null, excess: 0 },
  ],
};

test('a check has a row for each space, the loss, and its verdict', () => {
  expect(formatCopies(FOUND)).toEqual([
    'cats, step 500: 1000 pictures, drawn from text of the split train',
    'features: the first that is left',
    '',
    '           copies drawn              false alarms            by obeying              by caption               of held-out captions    authentic (held-out)  C_T (held-out)',
    'dct        3 of 1000 (0.1 to 0.9 %)  0 of 90 (0.1 to 0.9 %)  0 of 40 (0.1 to 0.9 %)  2 of 256 (0.1 to 0.9 %)  0 of 90 (0.1 to 0.9 %)  0.45 (0.50)           -0.40',
    'thumbnail  0 of 1000 (0.1 to 0.9 %)  none                    -                       -                        -                       -                     -',
    '',
    'by caption: 256 pictures from captions of trained pictures with the pose of another picture',
    '',
    'loss on held-out pictures: 0.0210, on trained ones 0.0201',
    'LPIPS (lpips-alex) to held-out pictures of the conditions: 0.510, to trained ones 0.300 (gap 0.100 to 0.320)',
    'no memorizing found',
  ]);
});

test('a check says what it lacks, and what a network that finds copies says', () => {
  const [space] = FOUND.spaces;
  const cosine = { above: 0.5, drawn: copies(3, 1000), held_out: copies(0, 90), excess: 0.003 };
  const lines = formatCopies({
    ...{ ...FOUND, caption_swap: undefined, picture_gap: undefined, spaces: space ? [{ ...space, cosine }] : [] },
    ...{ no_caption_swap: 'the model was trained without captions', no_picture_gap: 'split is val' },
  });
  expect(lines).toContain('without the caption swap test: the model was trained without captions');
  expect(lines).toContain('dct, cosine above 0.5: 3 of 1000 (0.1 to 0.9 %), false alarms 0 of 90 (0.1 to 0.9 %)');
  expect(lines).toContain('distance to the pictures of the conditions: not measured, split is val');
});

test('a check under several conditions has a row of each space and condition, and passes over the pictures', () => {
  const under = (condition: string) => FOUND.spaces.map(space => ({ ...space, condition }));
  const cosine = { above: 0.9, told: true as const, drawn: copies(3, 1000), held_out: null, excess: 0.003 };
  const [first, ...others] = [...under('text'), ...under('full')];
  const lines = formatCopies({
    ...{ ...FOUND, conditions: ['text', 'full'], samples: 2000 },
    ...{ trained: { samples: 16_000, pictures: 640, passes: 25 } },
    spaces: first ? [{ ...first, cosine }, ...others] : [],
  });
  expect(lines.slice(0, 2)).toEqual([
    'cats, step 500: 2000 pictures, drawn from text and from full of the split train',
    'trained: 16000 samples, 25.0 passes over 640 pictures',
  ]);
  const titles = lines.flatMap(line => /^(dct|thumbnail), from \S+(?= {2})/.exec(line)?.[0] ?? []);
  expect(titles).toEqual(['dct, from text', 'thumbnail, from text', 'dct, from full', 'thumbnail, from full']);
  expect(lines).toContain('dct, from text, cosine above 0.9: 3 of 1000 (0.1 to 0.9 %); judges nothing');
});

test('the options are the body of a call', () => {
  expect(readCheck({ _: ['cats'], experiment: 'cats' })).toEqual({ checkpoint: 'cats' });
  const options = { samples: '64', condition: 'text', split: 'val', swapped: '0' };
  expect(readCheck({ _: ['cats@4'], experiment: 'cats@4', ...options })).toEqual({
    ...{ checkpoint: 'cats@4', samples: 64, condition: 'text', split: 'val', swapped: 0 },
  });
  const several = readCheck({ _: ['cats'], experiment: 'cats', conditions: 'text, full' });
  expect(several).toEqual({ checkpoint: 'cats', conditions: ['text', 'full'] });
  expect(() => readCheck({ _: ['cats'], experiment: 'cats', swapped: 'many' })).toThrow('--swapped');
  expect(() => readCheck({ _: ['cats', 'dogs'], experiment: 'cats' })).toThrow('cats, dogs are named');
});
