/**
 * The SDK as the driver finds it in a page: plug-ins run in Workers if the page's address says so.
 *
 * Must not know: any case.
 */

import * as sdk from "/web/extism.js";

export * from "/web/extism.js";

const runInWorker = new URL(location.href).searchParams.has("worker");

export const createPlugin = async (source, options) => await sdk.createPlugin(source, { runInWorker, ...options });
export const compilePlugin = async (source, options) => await sdk.compilePlugin(source, { runInWorker, ...options });
export const precompile = () => {
  throw new sdk.ExtismError(sdk.Status.InvalidArgument, "there is nothing to compile ahead of time");
};
