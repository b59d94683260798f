"""Writes poses.json beside it: similarities and errors of poses by pycocotools and scikit-image.

Run: python3 metrics/testdata/make-pose-goldens.py (made with numpy 2.4.6, pycocotools 2.0.11, scikit-image 0.26.0)
"""

import json
import os

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from skimage.transform import SimilarityTransform

HERE = os.path.dirname(os.path.abspath(__file__))
JOINTS = 133
# COCO's for the body, then those of COCO-WholeBody.
SPREADS = np.array(
    [26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89, 68, 66, 66, 92, 94, 94, 42, 43, 44, 43, 40]
    + [35, 31, 25, 20, 23, 29, 32, 37, 38, 43, 41, 45, 13, 12, 11, 11, 12, 12, 11, 11, 13, 15, 9, 7, 7, 7, 12, 9, 8, 16]
    + [10, 17, 11, 9, 11, 9, 7, 13, 8, 11, 12, 10, 34, 8, 8, 9, 8, 8, 7, 10, 8, 9, 9, 9, 7, 7, 8, 11, 8, 8, 8, 10, 8]
    + [29, 22, 35, 37, 47, 26, 25, 24, 35, 18, 24, 22, 26, 17, 21, 21, 32, 20, 19, 22, 31] * 2
) / 1000
random = np.random.default_rng(15)


def similarity(found, wanted, area):
    """By COCOeval, which takes any number of joints with as many spreads."""
    truth = COCO()
    keypoints = np.column_stack([wanted[:, :2], 2 * (wanted[:, 2] > 0.3)]).ravel().tolist()
    truth.dataset = {
        "images": [{"id": 1}],
        "categories": [{"id": 1}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": area, "bbox": [0, 0, 1, 1], "keypoints": keypoints, "num_keypoints": JOINTS}
        ],
    }
    truth.createIndex()
    guess = COCO()
    guess.dataset = {
        "images": [{"id": 1}],
        "categories": [{"id": 1}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "score": 1.0, "area": area, "keypoints": found.ravel().tolist()}],
    }
    guess.createIndex()
    measure = COCOeval(truth, guess, "keypoints")
    measure.params.kpt_oks_sigmas = SPREADS
    measure.params.imgIds, measure.params.catIds = [1], [1]
    measure._prepare()
    return float(measure.computeOks(1, 1)[0, 0])


def face_error(found, wanted):
    """Of the joints of the face, 23 to 90, by the distance of the outer corners of the eyes; null without a corner."""
    counts = wanted[:, 2] > 0.3
    if not (counts[23 + 36] and counts[23 + 45]):
        return None
    face = counts & (np.arange(JOINTS) >= 23) & (np.arange(JOINTS) < 91)
    eyes = np.linalg.norm(wanted[23 + 36, :2] - wanted[23 + 45, :2])
    return float(np.linalg.norm(found[face, :2] - wanted[face, :2], axis=1).mean() / eyes)


def compare(name, found, wanted, area):
    counts = wanted[:, 2] > 0.3
    x, y = found[counts, :2], wanted[counts, :2]
    diagonal = float(np.hypot(*(y.max(0) - y.min(0))))
    moved = SimilarityTransform.from_estimate(x, y)(x)
    errors = np.linalg.norm(x - y, axis=1) / diagonal
    return {
        "name": name,
        "found": np.round(found, 3).ravel().tolist(),
        "wanted": np.round(wanted, 3).ravel().tolist(),
        "area": area,
        "oks": similarity(found, wanted, area),
        "mpjpe": float(errors.mean()),
        "pa_mpjpe": float(np.linalg.norm(moved - y, axis=1).mean() / diagonal),
        "face": face_error(found, wanted),
        "right": {str(threshold): int((errors <= threshold).sum()) for threshold in (0.02, 0.05, 0.1)},
        "joints": int(counts.sum()),
    }


def pose(scale):
    places = np.round(random.normal(size=(JOINTS, 2)) * scale + 120, 2)
    return np.column_stack([places, np.round(random.uniform(0, 1, JOINTS), 2)])


def sure(places):
    return np.column_stack([np.round(places, 2), np.ones(JOINTS)])


wanted = pose(40)
near = sure(wanted[:, :2] + random.normal(size=(JOINTS, 2)) * 4)
angle = 0.6
turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
turned = sure((wanted[:, :2] - 100) @ turn * 0.7 + 90 + random.normal(size=(JOINTS, 2)))
mirrored = sure(wanted[:, :2] * [-1, 1] + [240, 0])
document = [
    compare("near joints", near, wanted, 9000.0),
    compare("a person who is turned and smaller", turned, wanted, 9000.0),
    compare("a mirrored person", mirrored, wanted, 20000.0),
]

with open(os.path.join(HERE, "poses.json"), "w") as file:
    json.dump(document, file, separators=(",", ":"))
    file.write("\n")
