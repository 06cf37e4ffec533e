#!/bin/sh
# Copies the application and puts our own collaboration server into it: site.sh FROM TO [https://HOST]
set -eu
from="$1" to="$2" room="${3:-}"
cp -R "$from/." "$to/"
[ -n "$room" ] || exit 0
count=0
for file in $(grep -rlF 'https://oss-collab.excalidraw.com' "$to" --include='*.js' --include='*.html' || true); do
    # Through another file: it is the image's user that owns the copy, and -i wants a new one beside it all the same.
    sed "s|https://oss-collab\.excalidraw\.com|$room|g" "$file" > "$file.new"
    mv "$file.new" "$file"
    # Compressed twins hold the old text.
    rm -f "$file.gz" "$file.br"
    count=$((count + 1))
done
# The service worker knows files by the digests of their old text: without it, browsers ask the server.
for worker in "$to/service-worker.js" "$to/sw.js"; do
    [ ! -e "$worker" ] || echo 'self.addEventListener("install",()=>self.skipWaiting());self.addEventListener("activate",e=>e.waitUntil(caches.keys().then(k=>Promise.all(k.map(n=>caches.delete(n)))).then(()=>self.registration.unregister())));' > "$worker"
done
[ "$count" -gt 0 ] || { echo "no file names the collaboration server: this version of Excalidraw is built differently" >&2; exit 1; }
echo "$count files name $room"
