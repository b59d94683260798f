/**
 * @file The pretrained networks that `fetch-models` can fetch, one row each. A digest of a row was read in public text
 * that its `pins` names. None was made up, and none was taken from a download.
 */
import { NO_CLAIM, PINS_OF_SEVERAL } from './model-licenses.ts';
import { DINO_SOURCES } from './model-rows-dino.ts';
import { TEXT_SOURCES } from './model-rows-text.ts';
import type { ModelLicense, ModelSource } from './model-sources.ts';

const DWPOSE_FILES = {
  repo: 'yzd-v/DWPose',
  revision: '1a7144101628d69ee7a3768d1ee3a094070dc388',
  format: 'file',
} as const;

const DWPOSE: ModelSource = {
  name: 'dwpose',
  about: 'joints of people, from the detector YOLOX-L and the pose network DW-LL (133 joints)',
  license: {
    name: 'Apache-2.0',
    read_in: 'LICENSE of github.com/IDEA-Research/DWPose',
    binds: NO_CLAIM,
  },
  pins: PINS_OF_SEVERAL,
  parts: {
    detector: {
      ...DWPOSE_FILES,
      path: 'yolox_l.onnx',
      size: 216_746_733,
      sha256: '7860ae79de6c89a3c1eb72ae9a2756c0ccfbe04b7791bb5880afabd97855a411',
    },
    pose: {
      ...DWPOSE_FILES,
      path: 'dw-ll_ucoco_384.onnx',
      size: 134_399_116,
      sha256: '724f4ff2439ed61afb86fb8a1951ec39c6220682803b4a8bd4f598cd913b1843',
    },
  },
  // YOLOX-L at 640 x 640 (155.6e9 operations by its model zoo), and DW-LL at 384 x 288 (10.1e9 products and sums).
  net: { reads: 'image', operations: 155.6e9 + 2 * 10.1e9 },
};

const CLIP_LICENSE: ModelLicense = {
  name: 'MIT',
  read_in: 'LICENSE of github.com/openai/CLIP',
  binds: NO_CLAIM,
};
/** Indices of positions, whole numbers that every network makes itself. */
const CLIP_LEAVE = ['position_ids'];

const CLIP_L14_FILES = { repo: 'openai/clip-vit-large-patch14', revision: '32bd64288804d66eefd0ccbe215aa642df71cc41' };
const CLIP_B32_FILES = { repo: 'openai/clip-vit-base-patch32', revision: 'b33cedfd0df4e43b8238760678fcc89e1a0d38b3' };

const CLIPS: readonly ModelSource[] = [
  {
    name: 'clip-vitl14',
    about: 'likeness of pictures and texts, from CLIP ViT-L/14 (428 million parameters)',
    license: CLIP_LICENSE,
    pins: PINS_OF_SEVERAL,
    parts: {
      model: {
        ...CLIP_L14_FILES,
        path: 'model.safetensors',
        size: 1_710_540_580,
        sha256: 'a2bf730a0c7debf160f7a6b50b3aaf3703e7e88ac73de7a314903141db026dcb',
        format: 'safetensors',
        leave: CLIP_LEAVE,
        elements: 427_616_513,
      },
      tokenizer: {
        ...CLIP_L14_FILES,
        path: 'tokenizer.json',
        sha256: 'a83e0809aa4c3af7208b2df632a7a69668c6d48775b3c3fe4e1b1199d1f8b8f4',
        format: 'file',
      },
      config: {
        ...CLIP_L14_FILES,
        path: 'config.json',
        size: 4519,
        sha256: '8a09b467700c58138c29d53c605b34ebc69beaadd13274a8a2af8ad2c2f4032a',
        format: 'file',
      },
    },
    net: { reads: 'image', width: 1024, blocks: 24, patch: 14 },
  },
  {
    name: 'clip-vitb32',
    about: 'likeness of pictures and texts, from CLIP ViT-B/32 (151 million parameters)',
    license: CLIP_LICENSE,
    pins: PINS_OF_SEVERAL,
    parts: {
      model: {
        ...CLIP_B32_FILES,
        path: 'model.safetensors',
        size: 605_157_884,
        sha256: '99d28a652e6ec46629ab7047a0ac82c69b1fe11e0ce672c43af65d3a9a3fc05d',
        format: 'safetensors',
        leave: CLIP_LEAVE,
        elements: 151_277_313,
      },
      tokenizer: {
        ...CLIP_B32_FILES,
        path: 'tokenizer.json',
        size: 2_224_041,
        sha256: 'b556ac8c99757ffb677208af34bc8c6721572114111a6e0aaf5fa69ff0b8d842',
        format: 'file',
      },
      config: {
        ...CLIP_B32_FILES,
        path: 'config.json',
        size: 4186,
        sha256: 'b575ef3c36f2a057fa19e221650105052d61cc9c1a972ec15019c6261ec98770',
        format: 'file',
      },
    },
    net: { reads: 'image', width: 768, blocks: 12, patch: 32 },
  },
];

export const MODEL_SOURCES: readonly ModelSource[] = [...TEXT_SOURCES, ...DINO_SOURCES, DWPOSE, ...CLIPS];
