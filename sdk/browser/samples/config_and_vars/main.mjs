/** Configures a plug-in, and reads and changes the variables it keeps between calls. */

// snippet: config_and_vars
import { createPlugin } from "@extism/extism";

const source = { wasm: [{ url: "/plugins/count_vowels.wasm" }] };
const plugin = await createPlugin(source, { config: { vowels: "aeiouy" } });
console.log((await plugin.call("count_vowels", "Why, yes")).text());

await plugin.config({ vowels: null });
console.log((await plugin.call("count_vowels", "Why, yes")).text());

console.log("total:", (await plugin.varGet("total")).getUint32(0, true));
await plugin.varSet("total", Uint32Array.of(100));
console.log((await plugin.call("count_vowels", "Why, yes")).text());
await plugin.varRemove("total");
console.log("total:", await plugin.varGet("total"));
await plugin.close();
// end snippet
