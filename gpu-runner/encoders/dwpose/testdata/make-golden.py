"""Writes golden.json: pictures, network outputs and what NumPy makes of them, in 200 random cases.

Prints how far OpenCV's own resize and warpAffine, which round places to parts of a pixel, lie from exact places.
Run with NumPy and OpenCV:  python make-golden.py
"""
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np

HERE = Path(__file__).parent
CASES, CLASSES, JOINTS = 200, 2, 5
CANVAS, CROP = (64, 96), (32, 24)  # height, width
MEAN, DEVIATION = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])


class Draws:
    """A linear congruential generator modulo 2 ** 32 (Numerical Recipes)."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state * 1664525 + 1013904223) % 2**32
        return self.state

    def unit(self, count):
        return np.array([self.next() / 2**32 for _ in range(count)])

    def levels(self, count):
        return np.array([self.next() >> 24 for _ in range(count)], dtype=np.uint8)


def bilinear(picture, ys, xs, edge):
    """picture [h, w, 3] at rows ys and columns xs, exactly; beyond it, its edge or zeros."""
    height, width, _ = picture.shape
    padded = picture.astype(np.float64) if edge else np.pad(picture.astype(np.float64), ((2, 2), (2, 2), (0, 0)))
    y, x = np.floor(ys), np.floor(xs)
    fy, fx = (ys - y)[:, None, None], (xs - x)[None, :, None]
    if edge:
        at = lambda dy, dx: padded[np.clip(y + dy, 0, height - 1).astype(int)][:, np.clip(x + dx, 0, width - 1).astype(int)]
    else:
        place = lambda i, size: np.clip(i, -2, size + 1).astype(int) + 2
        at = lambda dy, dx: padded[place(y + dy, height)][:, place(x + dx, width)]
    above = at(0, 0) * (1 - fx) + at(0, 1) * fx
    below = at(1, 0) * (1 - fx) + at(1, 1) * fx
    return np.floor(above * (1 - fy) + below * fy + 0.5)


def letterbox(picture):
    height, width, _ = picture.shape
    ratio = min(CANVAS[0] / height, CANVAS[1] / width)
    h, w = max(1, int(height * ratio)), max(1, int(width * ratio))
    ys, xs = np.arange(h) * (height / h), np.arange(w) * (width / w)
    canvas = np.full((*CANVAS, 3), 114.0)
    scaled = bilinear(picture, 0.5 * height / h - 0.5 + ys, 0.5 * width / w - 0.5 + xs, edge=True)
    canvas[:h, :w] = scaled
    near = cv2.resize(picture, (w, h), interpolation=cv2.INTER_LINEAR).reshape(h, w, 3)
    return canvas[:, :, ::-1].transpose(2, 0, 1), ratio, np.abs(scaled - near)


def decode(raw):
    grids, strides = [], []
    for stride in (8, 16, 32):
        rows, columns = CANVAS[0] // stride, CANVAS[1] // stride
        xv, yv = np.meshgrid(np.arange(columns), np.arange(rows))
        grids.append(np.stack([xv, yv], 2).reshape(-1, 2))
        strides.append(np.full((rows * columns, 1), stride))
    grids, strides = np.concatenate(grids), np.concatenate(strides)
    centre, size = (raw[:, :2] + grids) * strides, np.exp(raw[:, 2:4]) * strides
    return np.concatenate([centre - size / 2, centre + size / 2], axis=1)


def suppress(boxes, scores, threshold=0.45):
    areas = (boxes[:, 2] - boxes[:, 0] + 1) * (boxes[:, 3] - boxes[:, 1] + 1)
    order, keep = np.argsort(-scores, kind="stable"), []
    while len(order):
        first, rest = order[0], order[1:]
        keep.append(first)
        low, high = np.maximum(boxes[first, :2], boxes[rest, :2]), np.minimum(boxes[first, 2:], boxes[rest, 2:])
        shared = np.maximum(0, high - low + 1).prod(axis=1)
        order = rest[shared / (areas[first] + areas[rest] - shared) <= threshold]
    return keep


def crop(picture, box):
    centre, size = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) * 1.25
    aspect = CROP[1] / CROP[0]
    size = np.array([size[0], size[0] / aspect]) if size[0] > size[1] * aspect else np.array([size[1] * aspect, size[1]])
    corner, step = centre - size / 2, size / np.array([CROP[1], CROP[0]])
    levels = bilinear(picture, corner[1] + np.arange(CROP[0]) * step[1], corner[0] + np.arange(CROP[1]) * step[0], edge=False)
    forward = np.array([[1 / step[0], 0, -corner[0] / step[0]], [0, 1 / step[1], -corner[1] / step[1]]])
    near = cv2.warpAffine(picture, forward, (CROP[1], CROP[0]), flags=cv2.INTER_LINEAR)
    return levels, centre, size, np.abs(levels - near)


def joints(sx, sy, centre, size, picture, threshold):
    place = np.stack([sx.argmax(1) / 2, sy.argmax(1) / 2], 1)
    score = np.minimum(sx.max(1), sy.max(1))
    place = place / np.array([CROP[1], CROP[0]]) * size + centre - size / 2
    where = 2 * place / np.array([picture.shape[1], picture.shape[0]]) - 1
    good = (score > 0) & (score >= threshold) & (np.abs(where) <= 1).all(axis=1)
    return np.where(good[:, None], np.concatenate([where, np.minimum(score, 1)[:, None]], 1), 0)


def digest(array):
    return hashlib.sha256(array.astype(np.uint8).tobytes()).hexdigest()[:12]


def rounded(values, places=4):
    return [round(float(v), places) + 0.0 for v in np.ravel(values)]


cases, resize_errors, warp_errors, left = [], [], [], 0
places = sum((CANVAS[0] // s) * (CANVAS[1] // s) for s in (8, 16, 32))
for seed in range(1, CASES + 1):
    draws = Draws(seed)
    height, width = 3 + draws.next() % 90, 3 + draws.next() % 90
    picture = draws.levels(3 * height * width).reshape(3, height, width).transpose(1, 2, 0).copy()
    canvas, ratio, error = letterbox(picture)
    resize_errors.append(error)
    raw = draws.unit(places * (5 + CLASSES)).astype(np.float32).reshape(places, -1).astype(np.float64)
    raw[:, :2] = raw[:, :2] * 4 - 1
    raw[:, 2:4] = raw[:, 2:4] * 3 - 1
    # Few boxes are persons; every seventh picture has none.
    raw[:, 4] = raw[:, 4] ** (8 if seed % 7 else 60)
    raw = raw.astype(np.float32).astype(np.float64)
    boxes, scores = decode(raw) / ratio, raw[:, 4] * raw[:, 5]
    likely = scores > 0.3
    boxes, scores = boxes[likely], scores[likely]
    kept = suppress(boxes, scores)
    cut = np.clip(boxes[kept], 0, [width, height, width, height])
    left += int((cut != boxes[kept]).any(axis=1).sum())
    areas = (cut[:, 2] - cut[:, 0]) * (cut[:, 3] - cut[:, 1])
    cut, areas = cut[areas > 0], areas[areas > 0]
    case = {"seed": seed, "height": height, "width": width, "letterbox": digest(canvas), "persons": len(cut)}
    if len(cut):
        box = cut[areas.argmax()]
        levels, centre, size, error = crop(picture, box)
        warp_errors.append(error)
        normal = (levels - MEAN) / DEVIATION
        sx = (draws.unit(JOINTS * CROP[1] * 2) * 1.1 - 0.2).astype(np.float32).reshape(JOINTS, -1).astype(np.float64)
        sy = (draws.unit(JOINTS * CROP[0] * 2) * 1.1 - 0.2).astype(np.float32).reshape(JOINTS, -1).astype(np.float64)
        # A joint that is less sure than the threshold, one without any score above 0, and one with scores beyond 1.
        sx[1], sy[2], sx[3], sy[3] = sx[1] * 0.2, -np.abs(sy[2]), sx[3] * 2, sy[3] * 2
        pose = joints(sx, sy, centre, size, picture, 0.3)
        case |= {"box": rounded(box), "crop": digest(levels.transpose(2, 0, 1)), "mean": rounded(normal.mean())[0], "pose": rounded(pose)}
    cases.append(case)

Path(HERE / "golden.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
flat = lambda errors: np.concatenate([np.ravel(e) for e in errors])
for name, errors in (("resize", flat(resize_errors)), ("warpAffine", flat(warp_errors))):
    print(f"OpenCV {cv2.__version__} {name}: mean {errors.mean():.4f}, largest {errors.max():.0f} of 255 levels")
print(f"{left} boxes leave the picture; {sum(not case['persons'] for case in cases)} pictures without a person")
