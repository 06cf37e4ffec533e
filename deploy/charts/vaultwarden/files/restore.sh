#!/bin/sh
# Puts an archive in the place of Vaultwarden's data: restore.sh ARCHIVE DATA
# Vaultwarden must not run. What was there is kept in DATA/before-restore until the next time.
set -eu
archive="$1" data="$2"
gzip -t "$archive"
# Nothing is touched before the archive is known to be whole and to be a backup of Vaultwarden.
names="$(tar -tzf "$archive")"
echo "$names" | grep -qE '^(\./)?(db\.sqlite3|database\.dump)$' || { echo "$archive holds no database: not a backup of Vaultwarden" >&2; exit 1; }
rm -rf "$data/before-restore"
mkdir "$data/before-restore"
for file in "$data"/* "$data"/.[!.]*; do
    case "$file" in
        "$data/before-restore" | "$data/lost+found") continue ;;
    esac
    [ -e "$file" ] || continue
    mv "$file" "$data/before-restore/"
done
tar -xzf "$archive" -C "$data" --no-same-owner
echo "restored; the former data are in $data/before-restore"
[ ! -e "$data/database.dump" ] || echo "now: pg_restore --clean --if-exists -d DATABASE database.dump"
