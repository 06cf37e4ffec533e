// Bitwarden's clients in small: the same library, protocol and options. `node hub.js URL` prints the first message that it hears.
const { HubConnectionBuilder, HttpTransportType, LogLevel } = require("@microsoft/signalr");
const { MessagePackHubProtocol } = require("@microsoft/signalr-protocol-msgpack");

const hub = new HubConnectionBuilder()
  .withUrl(process.argv[2], { accessTokenFactory: () => "a-token", skipNegotiation: true, transport: HttpTransportType.WebSockets })
  .withHubProtocol(new MessagePackHubProtocol())
  .configureLogging(LogLevel.Error)
  .build();
hub.on("ReceiveMessage", async (message) => {
  console.log(JSON.stringify(message));
  await hub.stop();
  process.exit(0);
});
setTimeout(() => { console.error("no message"); process.exit(1); }, 30000);
hub.start().catch((error) => { console.error(error.message); process.exit(1); });
