#!/bin/sh
# Gets an archive from a bucket, the newest if none is named: fetch.sh s3://BUCKET/PREFIX WORK [NAME]
set -eu
bucket="${1%/}" work="$2" name="${3:-}"
aws="${AWS:-aws}"
if [ -z "$name" ]; then
    name="$("$aws" s3 ls "$bucket/" | while read -r _ _ _ file; do echo "$file"; done | grep -E '^vaultwarden-backup-[0-9]{8}\.tar\.gz$' | sort | tail -n 1)" || true
    [ -n "$name" ] || { echo "no backup in $bucket/" >&2; exit 1; }
fi
"$aws" s3 cp --only-show-errors "$bucket/$name" "$work/archive.tar.gz"
echo "fetched $bucket/$name"
