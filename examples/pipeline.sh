#!/usr/bin/env bash
# From drawn portraits to a grid of pictures with curl and jq, against a running server:
#
#   npm run easel -- up          # in another terminal
#   examples/pipeline.sh
#
# Every call may be repeated: its result comes from the cache, and a stopped training goes on.
# The script does not measure how well pictures follow their prompts: see examples/demo/measure-prompts.ts.
set -euo pipefail

URL="${EASEL_URL:-http://127.0.0.1:8787}"
SIZE="${SIZE:-32}"            # pixels of a side: 32 or 64
PICTURES="${PICTURES:-1000}"  # portraits to train on
SAMPLES="${SAMPLES:-2560}"    # training samples; pictures follow their prompts after 22000
DATASET="${DATASET:-pipeline-$SIZE-of-$PICTURES}"
EXPERIMENT="${EXPERIMENT:-$DATASET-$SAMPLES}"
OUT="${OUT:-out/$EXPERIMENT}"

BATCH=32                      # samples of an update, as in the preset `portraits`
PATCH=$((SIZE / 8))           # a picture has 8 x 8 patches at either size
STEPS=$(((SAMPLES + BATCH - 1) / BATCH))

for tool in curl jq; do
  command -v "$tool" > /dev/null || { echo "$tool is needed: apt-get install $tool" >&2; exit 1; }
done

# api METHOD PATH [BODY [SECONDS]]: prints the answer, waits up to SECONDS for it (900), explains a problem on stderr.
api() {
  local args=(-sS -X "$1" -w '\n%{http_code}' -H "prefer: wait=${4:-900}")
  if [ -n "${EASEL_TOKEN:-}" ]; then args+=(-H "authorization: Bearer $EASEL_TOKEN"); fi
  if [ -n "${3:-}" ]; then args+=(-H 'content-type: application/json' -d "$3"); fi
  local answer status
  answer=$(curl "${args[@]}" "$URL$2")
  status=${answer##*$'\n'}
  answer=${answer%$'\n'*}
  if [ "$status" -ge 400 ]; then
    echo "$1 $2: HTTP $status" >&2
    jq -r '.detail, (.expected // empty | "expected: " + .), (.hint // empty | "hint: " + .)' <<< "$answer" >&2
    return 1
  fi
  printf '%s\n' "$answer"
}

# download DIGEST FILE: writes a blob into a file.
download() {
  local args=(-fsS -o "$2")
  if [ -n "${EASEL_TOKEN:-}" ]; then args+=(-H "authorization: Bearer $EASEL_TOKEN"); fi
  curl "${args[@]}" "$URL/objects/$1"
}

mkdir -p "$OUT"
api GET /health | jq -r '"easel \(.version) at '"$URL"', store \(.store)"'

echo "1. prepare: $PICTURES portraits of $SIZE px"
api POST /functions/prepare "$(jq -n --arg dataset "$DATASET" --argjson count "$PICTURES" \
  --argjson size "$SIZE" --argjson patch "$PATCH" \
  '{$dataset, source: "portraits", $count, $size, quantum: $patch, stride: $patch}')" |
  jq -r '.result | "\(.counts.train) train, \(.counts.val) val, \(.counts.test) test; " +
    "pages computed: \([.stages[].pages.computed] | add), cached: \([.stages[].pages.cached] | add)"'

echo "2. create the experiment $EXPERIMENT"
experiment=$(api PUT "/experiments/$EXPERIMENT" "$(jq -n --arg dataset "$DATASET" \
  --argjson samples "$SAMPLES" --argjson patch "$PATCH" --argjson batch "$BATCH" --argjson steps "$STEPS" \
  '{$dataset, config: {
    preset: "portraits",
    model: {patch_size: $patch},
    optimizer: {total_samples: $samples, warmup_samples: ([2900, ($samples / 8 | floor)] | min)},
    data: {batch_size: $batch},
    run: {chunk_steps: ([1, ($steps / 4 | ceil)] | max)}
  }}')")
jq -r '"step \(.step) of \(.steps), engine \(.engine.name) with \(.engine.threads) threads"' <<< "$experiment"

echo "3. train to $SAMPLES samples"
# The server answers after one second, with the run if the training goes on. The loop reads the run until it ends.
run=$(api POST "/experiments/$EXPERIMENT/train" '{}' 1)
while [ "$(jq -r .state <<< "$run")" != 'done' ]; do
  if [ "$(jq -r .state <<< "$run")" = failed ]; then jq -r '.problem.detail' <<< "$run" >&2; exit 1; fi
  jq -r '.progress // {} | select(.phase == "train") |
    "   step \(.done)/\(.total)" + (if .metrics then
      ", loss \(.metrics.loss * 1000 | round / 1000), \(.metrics.samples_per_second | round) samples/s"
    else "" end)' <<< "$run"
  # The server waits up to five seconds for the end.
  run=$(api GET "/runs/$(jq -r .action <<< "$run")" '' 5)
done
jq -r '.result | "step \(.step) of \(.steps): \(.checkpoint)"' <<< "$run"

echo '4. draw the previews of all chunks as one picture'
sheet=$(api GET "/experiments/$EXPERIMENT/previews" | jq --arg title "$EXPERIMENT" --argjson batch "$BATCH" '{
  title: $title,
  columns: (.previews[0].pictures | length),
  rows: [.previews[] | "\(.step * $batch) samples"],
  cells: [.previews[].pictures[] | {image: .digest, label: .prompt}]
}')
download "$(api POST /functions/contact-sheet "$sheet" | jq -r .result.outputs.image.digest)" "$OUT/grid.png"

echo '5. sample four pictures for other prompts'
engine=$(api GET "/experiments/$EXPERIMENT" | jq .engine)
sample=$(api POST /functions/sample "$(jq -n --arg checkpoint "$EXPERIMENT" --argjson engine "$engine" '{
  $checkpoint, $engine, seed: 7, guidance: 2.25, guidance_interval: [0.1, 0.9], steps: 25,
  prompts: [
    "a smiling person with a blue bob and round glasses, in a red hoodie on a mint background",
    "a sad person with grey dreadlocks and a beard, in a white sweater on a coral background",
    "a person with a pink afro, looking surprised, in a green blazer on a yellow background",
    "a serious person with black hair in a bun and square glasses, in a navy v-neck on a lavender background"
  ]
}')")
for i in 0 1 2 3; do
  download "$(jq -r ".result.outputs.image_00$i.digest" <<< "$sample")" "$OUT/picture-$i.png"
done

echo "6. look: $OUT/grid.png and $OUT/picture-{0,1,2,3}.png"
