/** A program as users write it, which has to have types: for the published package, and with what is new. */

import createPlugin, {
  CAPABILITIES,
  compilePlugin,
  createPluginSync,
  ExtismError,
  hostFunction,
  newPlugin,
  Status,
  withContext,
  type CallContext,
  type CurrentPlugin,
  type ExtismPluginOptions,
  type Manifest,
  type ManifestLike,
  type Plugin,
  type PluginOutput,
} from "@extism/extism";

const options: ExtismPluginOptions = {
  useWasi: true,
  runInWorker: true,
  allowedHosts: ["*.example.com"],
  allowedPaths: { data: "/data" },
  allowedPathsOrder: "host-to-guest",
  config: { key: "value" },
  memory: { maxPages: 10, maxVarBytes: 100 },
  timeoutMs: 1_000,
  signal: AbortSignal.timeout(10_000),
  logger: console,
  logLevel: "info",
  limits: { base: "untrusted", callTimeMsMax: 100, memoryBytesMax: 1n << 24n, outputBytesMax: Infinity },
  functions: {
    "extism:host/user": {
      greet(context: CallContext, name: bigint): bigint {
        const read: PluginOutput | null = context.read(name);
        return context.store(`hello ${read?.text() ?? ""} ${context.hostContext<{ from: string }>().from}`);
      },
      later: async (current: CurrentPlugin, milliseconds: bigint) => {
        await new Promise((resolve) => setTimeout(resolve, Number(milliseconds)));
        return current.mustStop() ? 1 : 0;
      },
      typed: hostFunction(["i32", "f64"], ["f64"], (_, a: number, b: number) => a + b),
    },
  },
};
const manifest: Manifest = { wasm: [{ url: "https://example.com/plugin.wasm", hash: "00", name: "main" }] };
const sources: ManifestLike[] = [manifest, new ArrayBuffer(8), new Uint8Array(8), new URL("file:///a"), "plugin.wasm"];

export async function main(): Promise<void> {
  const plugin: Plugin = await createPlugin(Promise.resolve(sources[0]!), options);
  const output: PluginOutput | null = await plugin.call("greet", "you", { from: "me" });
  const value: number | undefined = output?.getUint8(0);
  const signal = AbortSignal.timeout(100);
  await plugin.call("greet", new Uint8Array(1), undefined, { signal });
  try {
    plugin.callSync("greet");
  } catch (error) {
    if (error instanceof ExtismError && error.status === Status.FunctionNotFound) {
      console.log(error.code, error.guestCode, value);
    }
  }
  const exists: boolean = await plugin.functionExists("greet");
  const exports: WebAssembly.ModuleExportDescriptor[] = await plugin.getExports();
  const instance: WebAssembly.Instance = await plugin.getInstance();
  const isReset: boolean = await plugin.reset();
  await plugin.close();
  using compiled = await compilePlugin("plugin.wasm");
  using pool = compiled.pool({ instancesMax: 2 });
  const length: number = await pool.use(async (lent) => (await lent.call("run"))?.byteLength ?? 0, 1_000);
  await using other = await newPlugin("plugin.wasm");
  using third = createPluginSync("plugin.wasm");
  const buffer: Buffer = await withContext((context) => context.plugin("plugin.wasm", true).call("run", "x"));
  console.log(CAPABILITIES.fsAccess, exists, exports, instance, isReset, length, other.id, third.id, buffer);
}
