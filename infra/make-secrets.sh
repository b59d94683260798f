#!/bin/sh
# Makes the secrets for compose.yaml: infra/make-secrets.sh [FOLDER]. Existing files stay as they are.
#   minio.env   keys of MinIO's administrator
#   easel.env   Easel's token, and its keys to the bucket
#   browse.env  keys of a user who may read the bucket
set -eu
umask 077
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"

random() { # BYTES
  head -c "$1" /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}

keep() { # FILE; reads its lines from stdin
  lines=$(cat)
  if [ -e "$folder/$1" ]; then
    echo "$folder/$1 exists"
    return
  fi
  printf '%s\n' "$lines" >"$folder/$1.tmp"
  mv "$folder/$1.tmp" "$folder/$1"
  echo "made $folder/$1"
}

keep minio.env <<LINES
MINIO_ROOT_USER=admin-$(random 6)
MINIO_ROOT_PASSWORD=$(random 20)
LINES
keep easel.env <<LINES
EASEL_TOKEN=$(random 20)
AWS_ACCESS_KEY_ID=easel-$(random 6)
AWS_SECRET_ACCESS_KEY=$(random 20)
LINES
keep browse.env <<LINES
BROWSE_ACCESS_KEY_ID=browse-$(random 6)
BROWSE_SECRET_ACCESS_KEY=$(random 20)
LINES
