"""Golden of formats/tfevents.test.ts: what TensorBoard itself reads in the events of formats/testing/sample-events.ts.

Run from the root of the repository: python formats/testdata/make-tfevents-goldens.py (needs tensorboard; made with
2.21.0). `--png` writes dots.png anew, too (needs pillow).
"""

import hashlib, json, os, subprocess, sys, tempfile

from tensorboard import context
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.data import provider

HERE = os.path.dirname(os.path.abspath(__file__))
CONTEXT = context.RequestContext()


def digest(data):
    return hashlib.sha256(data).hexdigest()


if "--png" in sys.argv:
    from PIL import Image

    dots = Image.new("RGB", (3, 2))
    dots.putdata([(40 * i, 255 - 30 * i, 60) for i in range(6)])
    dots.save(os.path.join(HERE, "dots.png"))

with tempfile.TemporaryDirectory() as folder:
    file = os.path.join(folder, "events.out.tfevents.0000000-0000100")
    subprocess.run(["node", "formats/testing/sample-events.ts", file], check=True)
    written = open(file, "rb").read()
    multiplexer = plugin_event_multiplexer.EventMultiplexer(tensor_size_guidance={"images": 0, "text": 0, "scalars": 0})
    multiplexer.AddRunsFromDirectory(folder)
    multiplexer.Reload()
    reader = data_provider.MultiplexerDataProvider(multiplexer, folder)
    (run,) = reader.list_runs(CONTEXT, experiment_id="")
    down = provider.RunTagFilter(runs=[run.run_name])

    def read(kind, plugin, show):
        list_tags, read_all = getattr(reader, f"list_{kind}"), getattr(reader, f"read_{kind}")
        tags = list_tags(CONTEXT, experiment_id="", plugin_name=plugin)[run.run_name]
        rows = read_all(CONTEXT, experiment_id="", plugin_name=plugin, downsample=1000, run_tag_filter=down)
        return {tag: [show(x) for x in rows[run.run_name][tag]] for tag in sorted(tags)}

    def blobs(row):
        found = [reader.read_blob(CONTEXT, blob_key=value.blob_key) for value in row.values]
        return [row.step, *(x.decode() for x in found[:2]), *(digest(x) for x in found[2:])]

    golden = {
        "events": digest(written),
        "scalars": read("scalars", "scalars", lambda row: [row.step, row.wall_time, float(row.value)]),
        "images": read("blob_sequences", "images", blobs),
        "text": read("tensors", "text", lambda row: [row.step, *(x.decode() for x in row.numpy.reshape(-1))]),
    }
with open(os.path.join(HERE, "tfevents-goldens.json"), "w") as out:
    out.write(json.dumps(golden, indent=2, ensure_ascii=False) + "\n")
