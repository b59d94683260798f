/** @file Draws a portrait as SVG with DiceBear's avataaars (design by Pablo Stanley). */
import * as avataaars from '@dicebear/avataaars';
import { createAvatar } from '@dicebear/core';
import { CLOTHES, EXPRESSIONS, FACIAL_HAIR, GLASSES, HAIR_STYLES, type Portrait } from './attributes.ts';
import { BACKGROUNDS, CLOTHES_COLORS, GLASSES_COLOR, HAIR_COLORS, SKINS } from './palette.ts';

/** Head and shoulders on a filled square. Each option has one value, so DiceBear's own randomness decides nothing. */
export function drawSvg(portrait: Portrait, sizePixels: number): string {
  const { mouth, eyes, eyebrows } = EXPRESSIONS[portrait.expression];
  const { facial_hair, glasses } = portrait;
  return createAvatar(avataaars, {
    seed: '',
    size: sizePixels,
    style: ['default'],
    base: ['default'],
    nose: ['default'],
    backgroundColor: [BACKGROUNDS[portrait.background]],
    skinColor: [SKINS[portrait.skin]],
    top: [HAIR_STYLES[portrait.hair]],
    topProbability: 100,
    hairColor: [HAIR_COLORS[portrait.hair_color]],
    facialHair: [FACIAL_HAIR[facial_hair === 'none' ? 'beard' : facial_hair]],
    facialHairColor: [HAIR_COLORS[portrait.hair_color]],
    facialHairProbability: facial_hair === 'none' ? 0 : 100,
    accessories: [GLASSES[glasses === 'none' ? 'round' : glasses]],
    accessoriesColor: [GLASSES_COLOR],
    accessoriesProbability: glasses === 'none' ? 0 : 100,
    mouth: [mouth],
    eyes: [eyes],
    eyebrows: [eyebrows],
    clothing: [CLOTHES[portrait.clothes]],
    clothesColor: [CLOTHES_COLORS[portrait.clothes_color]],
  }).toString();
}
