#!/bin/sh
# Puts an archive into a bucket under today's name and deletes those that are too old: upload.sh ARCHIVE s3://BUCKET/PREFIX DAYS
set -eu
archive="$1" bucket="${2%/}" days="$3"
aws="${AWS:-aws}"
name="vaultwarden-backup-$(date -u +%Y%m%d).tar.gz"
"$aws" s3 cp --only-show-errors "$archive" "$bucket/$name"
echo "uploaded $bucket/$name"
[ "$days" -gt 0 ] || exit 0
oldest="$(date -u -d "-$days days" +%Y%m%d)"
"$aws" s3 ls "$bucket/" | while read -r _ _ _ old; do
    day="${old#vaultwarden-backup-}"
    day="${day%.tar.gz}"
    # Only what has exactly such a name is ours to delete.
    case "$day" in
        [0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]) ;;
        *) continue ;;
    esac
    [ "$old" = "vaultwarden-backup-$day.tar.gz" ] || continue
    if [ "$day" -lt "$oldest" ]; then
        "$aws" s3 rm --only-show-errors "$bucket/$old"
        echo "deleted $bucket/$old"
    fi
done
