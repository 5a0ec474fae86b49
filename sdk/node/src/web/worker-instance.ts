import type { BackendOptions, Instance } from "../backend.js";
import type { Loaded } from "./loaded.js";
export type WorkerMaker = () => unknown;
export async function makeInWorker(_maker: WorkerMaker, _core: WebAssembly.Module, _loaded: Loaded, _options: BackendOptions): Promise<(closed: () => void) => Instance> {
  throw new Error("todo");
}
