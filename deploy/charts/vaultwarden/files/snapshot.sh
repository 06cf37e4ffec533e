#!/bin/sh
# Makes an archive of Vaultwarden's data in which the database is whole: snapshot.sh DATA WORK
# SQLite: a snapshot by Vaultwarden itself (VACUUM INTO) stands in the archive as db.sqlite3. PostgreSQL: WORK/database.dump, which
# another container has written, goes along. Caches and half-written files stay behind.
set -eu
data="$1" work="$2"
vaultwarden="${VAULTWARDEN:-/vaultwarden}"
rm -rf "$work/extra" "$work/archive.tar.gz"
mkdir -p "$work/extra"
if [ -e "$data/db.sqlite3" ]; then
    before="$(ls "$data"/db_*.sqlite3 2>/dev/null || true)"
    DATA_FOLDER="$data" "$vaultwarden" backup
    for file in "$data"/db_*.sqlite3; do
        case "$before" in
            *"$file"*) ;;
            *) mv "$file" "$work/extra/db.sqlite3" ;;
        esac
    done
    [ -s "$work/extra/db.sqlite3" ] || { echo "no snapshot of the database was made" >&2; exit 1; }
fi
[ ! -e "$work/database.dump" ] || mv "$work/database.dump" "$work/extra/database.dump"
# A file that vanishes or grows while it is read (1) does no harm; anything else does.
code=0
tar -cf "$work/archive.tar" -C "$data" --exclude=./db.sqlite3 --exclude=./db.sqlite3-wal --exclude=./db.sqlite3-shm \
    --exclude='./db_*.sqlite3' --exclude=./icon_cache --exclude=./tmp --exclude=./before-restore . || code=$?
[ "$code" -le 1 ] || exit "$code"
(cd "$work/extra" && for file in *; do [ ! -e "$file" ] || tar -rf "$work/archive.tar" "$file"; done)
gzip "$work/archive.tar"
rm -rf "$work/extra"
gzip -t "$work/archive.tar.gz"
echo "archive: $(wc -c <"$work/archive.tar.gz") bytes"
