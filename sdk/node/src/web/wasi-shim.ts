/** What is needed of `@bjorn3/browser_wasi_shim`, as a file of its own: `wasi-library.ts` loads it. */

export { ConsoleStdout, File, OpenFile, WASI, wasi } from "@bjorn3/browser_wasi_shim";
