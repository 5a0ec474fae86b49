/**
 * The plug-in of this tab, kept while the page is loaded again.
 *
 * Must not know: why it is. Invariant: it stays in the tab, and a plug-in that is too large for that is not kept.
 */

import { pluginFile, type PluginFile } from "./describe.js";

const KEY = "extism.file";
const CHUNK_BYTES = 32_768;

/** Keeps a file. */
export function keep(file: PluginFile): void {
  const parts: string[] = [];
  for (let at = 0; at < file.bytes.length; at += CHUNK_BYTES) {
    parts.push(String.fromCharCode(...file.bytes.subarray(at, at + CHUNK_BYTES)));
  }
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ name: file.name, data: btoa(parts.join("")) }));
  } catch {
    // Larger than a tab may keep: the page will ask for it again.
    sessionStorage.removeItem(KEY);
  }
}

/** The file that was kept, if it is the one with this hash. */
export async function kept(sha256: string): Promise<PluginFile | undefined> {
  try {
    const { name, data } = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as { name: string; data: string };
    const file = await pluginFile(
      name,
      Uint8Array.from(atob(data), (char) => char.charCodeAt(0)),
    );
    return file.sha256 === sha256 ? file : undefined;
  } catch {
    return undefined;
  }
}
