/** Lets a plug-in make HTTP requests to one host, the page's own, and to no other. */

// snippet: http
import { createPlugin, DeniedError } from "@extism/extism";

const plugin = await createPlugin(
  { wasm: [{ url: "/plugins/http.wasm" }], allowedHosts: [location.hostname] },
  { runInWorker: true },
);
console.log((await plugin.call("fetch", new URL("/hello", location.href).href)).text());

try {
  await plugin.call("fetch", "http://example.com/");
} catch (error) {
  console.log(error instanceof DeniedError, error.code);
}
await plugin.close();
// end snippet
