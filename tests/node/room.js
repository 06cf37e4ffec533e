// excalidraw-room in small: what a client broadcasts reaches the others of its room, unread. `node room.js ADDRESS PORT NAME`.
const { createServer } = require("http");
const { Server } = require("socket.io");

const [address, port, name] = process.argv.slice(2);
const http = createServer((_, answer) => answer.end("room is up"));
const io = new Server(http, { transports: ["websocket", "polling"], cors: { origin: "*" }, allowEIO3: true });

io.on("connection", (socket) => {
  io.to(socket.id).emit("init-room", name);
  socket.on("join-room", async (room) => {
    await socket.join(room);
    const members = await io.in(room).fetchSockets();
    if (members.length <= 1) io.to(socket.id).emit("first-in-room");
    else socket.broadcast.to(room).emit("new-user", socket.id);
    io.in(room).emit("room-user-change", members.map((member) => member.id));
  });
  socket.on("server-broadcast", (room, data, iv) => socket.broadcast.to(room).emit("client-broadcast", data, iv));
});
http.listen(Number(port), address, () => console.log("serving"));
