/**
 * Narrows the policy of the page before anything else runs: to its own origin, and to the hosts the user allowed.
 *
 * Must not know: anything but that. Invariant: a policy can be narrowed and never widened, so that nothing that runs
 * after this reaches more.
 */

import { granted } from "./network.js";

const meta = document.createElement("meta");
meta.httpEquiv = "Content-Security-Policy";
meta.content = `connect-src 'self' ${granted().join(" ")}`;
document.head.append(meta);
document.documentElement.dataset["policy"] = "narrow";

// Before the first picture: a page that was chosen to be dark does not flash.
const theme = localStorage.getItem("extism.theme");
if (theme === "light" || theme === "dark") {
  document.documentElement.dataset["theme"] = theme;
}
