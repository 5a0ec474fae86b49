/** Makes a plug-in, calls it, and sees what happens when that does not work. */

// snippet: basic
import { createPlugin, FunctionNotFoundError } from "@extism/extism";

const plugin = await createPlugin({
  wasm: [{ url: "/plugins/count_vowels.wasm" }],
});
for (const text of ["Hello, World!", "Once more"]) {
  const report = (await plugin.call("count_vowels", text)).json();
  console.log(report.count, "vowels,", report.total, "so far");
}

try {
  await plugin.call("no_such_function");
} catch (error) {
  console.log(error instanceof FunctionNotFoundError, error.code, error.status);
}
await plugin.close();
// end snippet
