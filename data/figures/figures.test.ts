import { describe, expect, test } from 'vitest';
import { MIRRORED_JOINTS, WHOLEBODY_JOINTS } from '../../configs/coco-wholebody.ts';
import { findSideWord } from '../../configs/side-words.ts';
import { rgbOf, squaredDistance } from '../pixels.ts';
import { drawFigure, type Figure, figureSchema } from './attributes.ts';
import { captionFigure, captionsOfFigure } from './captions.ts';
import { jointsOf, poseOf } from './joints.ts';
import { BACKGROUNDS, OTHER_COLORS, SEGMENT_NAMES, SEGMENTS, TOP_COLORS } from './palette.ts';
import { placeFigure } from './place.ts';
import { freshFigures } from './prompts.ts';
import { drawFigureSvg } from './render.ts';

const COUNT = 600;
const figures = Array.from({ length: COUNT }, (_, i) => placeFigure(1, i));
const jointOf = (joints: ReturnType<typeof jointsOf>, name: string) => joints[WHOLEBODY_JOINTS.indexOf(name)]!;

test('figure i of a seed is a pure function of both, and fits the stored schema', () => {
  expect(drawFigureSvg(placeFigure(1, 5), 64)).toBe(drawFigureSvg(placeFigure(1, 5), 64));
  expect(drawFigure(1, 5)).not.toEqual(drawFigure(1, 6));
  expect(drawFigure(1, 5)).not.toEqual(drawFigure(2, 5));
  expect(drawFigure(1, 5, 'prompts')).not.toEqual(drawFigure(1, 5));
  for (const { figure } of figures) expect(figureSchema.parse(figure)).toEqual(figure);
});

test('all values of an attribute are drawn about equally often', () => {
  for (const attribute of Object.keys(figureSchema.shape) as (keyof Figure)[]) {
    const values = figureSchema.shape[attribute].options.filter(value => value !== 'none');
    const drawn = figures.filter(({ figure }) => figure[attribute] !== 'none');
    for (const value of values) {
      const expected = drawn.length / values.length;
      const count = drawn.filter(({ figure }) => figure[attribute] === value).length;
      expect(Math.abs(count - expected), `${attribute} ${value}`).toBeLessThan(5 * Math.sqrt(expected));
    }
  }
});

describe('joints', () => {
  test('all 133 joints lie in the picture, and hands, feet and face at the limbs that they belong to', () => {
    for (const placed of figures) {
      const joints = jointsOf(placed);
      expect(joints).toHaveLength(133);
      for (const [i, { x, y }] of joints.entries()) {
        expect(Math.min(x, y), WHOLEBODY_JOINTS[i]).toBeGreaterThan(0);
        expect(Math.max(x, y), WHOLEBODY_JOINTS[i]).toBeLessThan(1);
      }
      const distance = (a: string, b: string) => {
        const [p, q] = [jointOf(joints, a), jointOf(joints, b)];
        return Math.hypot(p.x - q.x, p.y - q.y) / placed.scale;
      };
      for (const side of ['left', 'right']) {
        expect(distance(`${side}_wrist`, `${side}_hand_root`)).toBe(0);
        expect(distance(`${side}_wrist`, `${side}_middle_finger4`)).toBeLessThan(0.08);
        expect(distance(`${side}_ankle`, `${side}_big_toe`)).toBeLessThan(0.06);
        expect(distance(`${side}_eye`, 'nose')).toBeLessThan(0.08);
        // Limbs keep their lengths, but for a little that points to the viewer.
        expect(distance(`${side}_hip`, `${side}_knee`)).toBeGreaterThan(0.2);
        expect(distance(`${side}_shoulder`, `${side}_elbow`)).toBeLessThan(0.17);
      }
    }
  });

  test('figures face the viewer: the left eye and shoulder lie to the right of the right ones, and the head on top', () => {
    for (const placed of figures) {
      const joints = jointsOf(placed);
      for (const part of ['eye', 'ear', 'shoulder', 'hip']) {
        expect(jointOf(joints, `left_${part}`).x).toBeGreaterThan(jointOf(joints, `right_${part}`).x);
      }
      expect(jointOf(joints, 'nose').y).toBeLessThan(jointOf(joints, 'left_hip').y);
      // Points of the face run from the left of the picture to its right.
      expect(jointOf(joints, 'face-0').x).toBeLessThan(jointOf(joints, 'face-16').x);
      expect(jointOf(joints, 'face-8').y).toBeGreaterThan(jointOf(joints, 'face-27').y);
    }
  });

  test('the points of an upright face are mirrored in themselves', () => {
    const upright = figures
      .map(placed => ({ placed, head: placed.skeleton.head }))
      .find(({ head }) => Math.abs(head.tilt) < 0.2)!;
    const joints = jointsOf(upright.placed);
    for (const [i, name] of WHOLEBODY_JOINTS.entries()) {
      if (!/^face-|eye|ear/.test(name)) continue;
      const [own, other] = [joints[i]!, joints[MIRRORED_JOINTS[i]!]!];
      expect(own.x + other.x, name).toBeCloseTo(2 * upright.head.center.x, 2);
      expect(own.y, name).toBeCloseTo(other.y, 2);
    }
  });

  test('no knee and no elbow bends further than a person can', () => {
    const angle = (a: { x: number; y: number }, b: typeof a, c: typeof a) => {
      const turn = Math.atan2(c.y - b.y, c.x - b.x) - Math.atan2(a.y - b.y, a.x - b.x);
      const degrees = Math.abs((turn * 180) / Math.PI) % 360;
      return Math.min(degrees, 360 - degrees);
    };
    for (const { skeleton } of figures) {
      for (const { shoulder, elbow, wrist, hip, knee, ankle } of [skeleton.left, skeleton.right]) {
        expect(angle(shoulder, elbow, wrist)).toBeGreaterThan(55);
        expect(angle(hip, knee, ankle)).toBeGreaterThan(55);
      }
    }
  });

  test('the column pose has them in [-1, 1] with confidence 1', () => {
    const [placed] = figures;
    const pose = poseOf(placed!);
    const nose = jointOf(jointsOf(placed!), 'nose');
    expect([pose[0], pose[1], pose[2]]).toEqual([Math.fround(2 * nose.x - 1), Math.fround(2 * nose.y - 1), 1]);
  });
});

describe('colours', () => {
  test('every segment of a limb is far from every other one, and from all else in a picture', () => {
    const segments = SEGMENT_NAMES.map(name => rgbOf(SEGMENTS[name]));
    for (const [i, color] of segments.entries()) {
      const others = [...segments.filter((_, j) => j !== i), ...OTHER_COLORS];
      for (const other of others)
        expect(Math.sqrt(squaredDistance(color, other)), SEGMENT_NAMES[i]).toBeGreaterThan(65);
    }
  });

  test.each([
    ['backgrounds', BACKGROUNDS, 24],
    ['garments', TOP_COLORS, 40],
  ])('%s are told apart', (_, palette, least) => {
    const colors = Object.values(palette).map(rgbOf);
    for (const [i, color] of colors.entries()) {
      for (const other of colors.slice(i + 1)) expect(Math.sqrt(squaredDistance(color, other))).toBeGreaterThan(least);
    }
  });
});

describe('captions', () => {
  const all = figures.map(({ figure }, i) => ({ figure, caption: captionFigure(figure, 1, i) }));

  test('a caption has the colours of garment and background, the skin, and the side of the activity', () => {
    for (const { figure, caption } of all) {
      const text = caption.toLowerCase();
      expect(text).toContain(`${figure.background} background`);
      expect(text).toContain(`${figure.top_color} ${figure.top}`);
      expect(text).toContain(`${figure.skin} skin`);
      const far = figure.side === 'left' ? 'right' : 'left';
      if (figure.activity === 'waving') expect(text).toContain(`${figure.side} hand`);
      if (figure.activity === 'kicking') expect(text).toContain(`${figure.side} leg`);
      if (figure.activity === 'balancing') expect(text).toContain(`${far} leg`);
    }
  });

  test('every caption names a side, so that no picture is mirrored in training', () => {
    for (const { caption } of all) expect(findSideWord(caption), caption).toBeDefined();
    for (const { figure } of figures.slice(0, 100)) {
      for (const caption of captionsOfFigure(figure, 1, 3)) expect(findSideWord(caption), caption).toBeDefined();
    }
  });

  test('captions read well: at most 64 words, capital first, right articles; and they vary', () => {
    for (const { caption } of all) {
      expect(caption.split(/\s+/).length).toBeLessThanOrEqual(64);
      expect(caption).toMatch(/^[A-Z].*\.$/);
      expect(caption).not.toMatch(/\ba [aeiou]/i);
      expect(caption).not.toMatch(/\ban [^aeiou]/i);
      expect(caption).not.toMatch(/[{}]|undefined| {2}|,,| ,|;\.|\.\./);
    }
    expect(new Set(all.map(({ caption }) => caption)).size).toBeGreaterThan(0.99 * COUNT);
    expect(captionsOfFigure(figures[0]!.figure, 1, 0)).toHaveLength(3);
  });

  test('a longer list of fresh figures begins with the shorter one, and none is of the set', () => {
    const fresh = freshFigures(1, 40);
    expect(freshFigures(1, 10)).toEqual(fresh.slice(0, 10));
    const known = new Set(all.map(({ caption }) => caption));
    expect(fresh.filter(({ prompt }) => known.has(prompt))).toEqual([]);
  });
});
