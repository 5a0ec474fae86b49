/** Gives a plug-in functions of the page: here a store it keeps a total in. */

// snippet: host_function
import { createPlugin } from "@extism/extism";

const store = new Map();
const functions = {
  "extism:host/user": {
    kv_read: (current, key) => current.store(store.get(current.read(key).text()) ?? ""),
    // One that has to wait may, in a Worker or where the engine can suspend a plug-in.
    kv_write: async (current, key, value) => {
      await null;
      store.set(current.read(key).text(), current.read(value).bytes());
    },
  },
};

const source = { wasm: [{ url: "/plugins/kv.wasm" }] };
const plugin = await createPlugin(source, { functions, runInWorker: true });
for (const text of ["Hello, World!", "Once more"]) {
  console.log((await plugin.call("count_vowels", text)).text());
}
console.log([...store.keys()].join());
await plugin.close();
// end snippet

functions["extism:host/user"].kv_read = (current, key) => {
  throw new RangeError(`there is no ${current.read(key).text()}`);
};
const failing = await createPlugin(source, { functions });
try {
  await failing.call("count_vowels", "Hello");
} catch (error) {
  console.log(error.code, "because of", String(error.cause));
}
await failing.close();
