// Two people draw in one room: `node draw.js URL MODE`, where MODE is `websocket`, `polling` or `upgrade`.
// It prints one line of JSON: who served them, and what the second saw of the first.
const { io } = require("socket.io-client");

const [url, mode] = process.argv.slice(2);
const transports = mode === "upgrade" ? ["polling", "websocket"] : [mode];

function person(cookie) {
  // A browser's cookie jar: the client keeps what the balancer sets.
  const own = cookie ? { extraHeaders: { Cookie: cookie } } : { withCredentials: true };
  return io(url, { transports, forceNew: true, reconnection: false, ...own });
}

const room = `room-of-${process.pid}`;
let awaited; // for the message when it never comes

function event(socket, name) {
  awaited = name;
  return new Promise((resolve, reject) => {
    socket.once(name, (...values) => resolve(values));
    for (const bad of ["connect_error", "disconnect"])
      socket.once(bad, (reason) => reject(new Error(`${bad} ${reason.message || reason} ${reason.context?.status || ""} ${reason.context?.responseText || ""}`)));
  });
}

function upgraded(socket) {
  awaited = `upgrade of ${socket.io.engine.transport.name}, probing ${socket.io.engine.upgrading}`;
  return new Promise((resolve, reject) => {
    socket.io.engine.once("upgrade", resolve);
    socket.io.engine.once("upgradeError", reject);
  });
}

// A browser that goes straight to WebSocket has the balancer's cookie from the page; here, from any answer.
async function visit() {
  const answer = await fetch(`${url}/socket.io/`);
  return (answer.headers.get("set-cookie") || "").split(";")[0];
}

async function main() {
  const kept = mode === "websocket" ? await visit() : "";
  const first = person(kept);
  const [server] = await event(first, "init-room");
  // The second one comes from the same office: the cookie leads to the same room server.
  const jar = first.io.engine._cookieJar;
  const cookie = kept || (jar ? [...jar.cookies].map(([key, { value }]) => `${key}=${value}`).join("; ") : "");
  const alone = event(first, "first-in-room");
  first.emit("join-room", room);
  await alone;
  const second = person(cookie);
  const [other] = await event(second, "init-room");
  const company = event(first, "new-user");
  second.emit("join-room", room);
  await company;
  if (mode === "upgrade") for (const one of [first, second]) if (one.io.engine.transport.name !== "websocket") await upgraded(one);
  const bytes = Buffer.from([...Array(70000).keys()].map((i) => i % 251));
  const seen = event(second, "client-broadcast");
  first.emit("server-broadcast", room, bytes, Buffer.from("iv"));
  const [data, iv] = await seen;
  console.log(JSON.stringify({
    servers: [server, other], cookie, size: data.length, same: Buffer.compare(Buffer.from(data), bytes) === 0, iv: Buffer.from(iv).toString(),
    transport: first.io.engine.transport.name,
  }));
  first.close();
  second.close();
}

setTimeout(() => { console.error(`no ${awaited} within 20 s`); process.exit(1); }, 20000);
main().then(() => process.exit(0), (error) => { console.error(error.message); process.exit(1); });
