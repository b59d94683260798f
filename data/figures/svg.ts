/** @file Shapes of an SVG with a view box of 1000 x 1000, from points in [0, 1]. */
import type { Point } from './skeleton.ts';

const at = (value: number): string => (value * 1000).toFixed(1);
const pairs = (points: readonly Point[]): string => points.map(({ x, y }) => `${at(x)},${at(y)}`).join(' ');

/** A line through points with round joins. @param width In [0, 1]. */
export function line(points: readonly Point[], color: string, width: number, cap: 'round' | 'butt' = 'round'): string {
  return (
    `<polyline points="${pairs(points)}" fill="none" stroke="#${color}" stroke-width="${at(width)}" ` +
    `stroke-linecap="${cap}" stroke-linejoin="round"/>`
  );
}

/** A filled polygon whose corners are rounded by a stroke of its own colour. */
export function path(points: readonly Point[], color: string, width = 0): string {
  const stroke = width > 0 ? ` stroke="#${color}" stroke-width="${at(width)}" stroke-linejoin="round"` : '';
  return `<polygon points="${pairs(points)}" fill="#${color}"${stroke}/>`;
}

export function circle(center: Point, radius: number, color: string): string {
  return `<circle cx="${at(center.x)}" cy="${at(center.y)}" r="${at(radius)}" fill="#${color}"/>`;
}

/** @param tilt Degrees, clockwise about the centre. */
export function ellipse(center: Point, rx: number, ry: number, color: string, tilt = 0): string {
  const turned = tilt === 0 ? '' : ` transform="rotate(${tilt.toFixed(1)} ${at(center.x)} ${at(center.y)})"`;
  return `<ellipse cx="${at(center.x)}" cy="${at(center.y)}" rx="${at(rx)}" ry="${at(ry)}" fill="#${color}"${turned}/>`;
}

export function box(x: number, y: number, width: number, height: number, color: string): string {
  return `<rect x="${at(x)}" y="${at(y)}" width="${at(width)}" height="${at(height)}" fill="#${color}"/>`;
}
