/** Lets a plug-in make HTTP requests to one host, here a server this program starts, and to no other. */

import { createServer } from "node:http";

const server = createServer((_, response) => response.end("hello from the server"));
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${server.address().port}/`;

// snippet: http
import { createPlugin, DeniedError } from "@extism/extism";

const plugin = await createPlugin({
  wasm: [{ path: "examples/plugins/http.wasm" }],
  allowedHosts: ["127.0.0.1"],
});
console.log((await plugin.call("fetch", url)).text());

try {
  await plugin.call("fetch", "http://example.com/");
} catch (error) {
  console.log(error instanceof DeniedError, error.code);
}
await plugin.close();
// end snippet
server.close();
