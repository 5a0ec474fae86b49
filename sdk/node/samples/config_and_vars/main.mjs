/** Configures a plug-in, and reads and changes the variables it keeps between calls. */

// snippet: config_and_vars
import { createPlugin } from "@extism/extism";

const plugin = await createPlugin("examples/plugins/count_vowels.wasm", { config: { vowels: "aeiouy" } });
console.log(plugin.callSync("count_vowels", "Why, yes").json());

await plugin.config({ vowels: null });
console.log(plugin.callSync("count_vowels", "Why, yes").json());

console.log("total:", (await plugin.varGet("total")).getUint32(0, true));
await plugin.varSet("total", Uint32Array.of(100));
console.log(plugin.callSync("count_vowels", "Why, yes").json());
await plugin.varRemove("total");
console.log("total:", await plugin.varGet("total"));
await plugin.close();
// end snippet
