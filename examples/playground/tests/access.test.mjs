/**
 * The playground for everyone: with a keyboard alone, on a phone, with a screen reader, in the dark.
 *
 * Must not know: how the page looks. Invariant: every state that is tested for accessibility is one a user reaches.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

import { call, choose, open, outcome } from "./browser.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core finds to be serious or worse. The page's policy does not bind the test's own scripts. */
async function violations(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => (await globalThis.axe.run()).violations);
  return found
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`.slice(0, 500));
}

/** Presses Tab until the element has the focus, which has to be seen. */
async function tabTo(page, selector, key = "Tab") {
  for (let presses = 0; presses < 80; presses += 1) {
    await page.keyboard.press(key);
    if (await page.locator(selector).evaluate((element) => element === document.activeElement)) {
      const style = await page.locator(selector).evaluate((element) => getComputedStyle(element).outlineStyle);
      assert.notEqual(style, "none", `the focus of ${selector} cannot be seen`);
      return;
    }
  }
  assert.fail(`${selector} is not reached with ${key}`);
}

test("everything is reached and done with the keyboard alone", async () => {
  const { page, close } = await open();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.ok(await page.locator("#call-section").evaluate((element) => element === document.activeElement));
  await tabTo(page, "[data-example=count_vowels]", "Shift+Tab");
  await page.keyboard.press("Enter");
  await page.locator("#module-name", { hasText: "count_vowels.wasm" }).waitFor();
  await tabTo(page, "#input");
  await page.keyboard.press("Control+A");
  await page.keyboard.type("keys only");
  await page.keyboard.press("Control+Enter");
  assert.match(await outcome(page), /OK/);
  assert.ok(await page.locator("#input").evaluate((element) => element === document.activeElement));
  await tabTo(page, "#call");
  await page.keyboard.press("Enter");
  await page.locator("#timing-count", { hasText: "2" }).waitFor();
  assert.ok(await page.locator("#call").evaluate((element) => element === document.activeElement));
  await tabTo(page, "#output-tab-json");
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.getAttribute("#output-tab-hex", "aria-selected"), "true");
  await page.keyboard.press("Home");
  assert.equal(await page.getAttribute("#output-tab-text", "aria-selected"), "true");
  await tabTo(page, "#watch-tab-logs");
  await page.keyboard.press("End");
  await page.locator("#chart svg").waitFor();
  await page.keyboard.press("Alt+2");
  assert.ok(await page.locator("#manifest").evaluate((element) => element === document.activeElement));
  await page.keyboard.press("Alt+1");
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog", { name: "Keys" }).waitFor({ state: "hidden" });
  await close();
});

test("a phone shows everything without scrolling sideways", async () => {
  const { page, close } = await open({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  const isWide = async () => await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  assert.equal(await isWide(), false);
  await choose(page, "kv");
  await page.selectOption("#repeat", "10");
  await call(page);
  await page.click("#output-tab-hex");
  await page.locator("#manifest-box summary").click();
  for (const tab of ["logs", "variables", "timing"]) {
    await page.click(`#watch-tab-${tab}`);
    assert.equal(await isWide(), false, tab);
  }
  await page.fill("#manifest", `{"config": "${"long".repeat(80)}"}`);
  await call(page);
  assert.equal(await isWide(), false, "an error");
  await close();
});

test("axe-core finds nothing serious, light or dark", async () => {
  const { page, close } = await open();
  const check = async (state) => {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      assert.deepEqual(await violations(page), [], `${state}, ${colorScheme}`);
    }
  };
  await check("empty");
  await choose(page, "kv");
  await page.selectOption("#repeat", "10");
  await call(page);
  await page.click("#watch-tab-variables");
  await page.fill("#variable-name", "total");
  await page.click("#variable-form button");
  await page.locator("#variables td", { hasText: "not set" }).waitFor();
  await check("called");
  await page.click("#watch-tab-timing");
  await page.fill("#manifest", '{"allowed_hosts": ["example.com"], "x": 1}');
  await call(page);
  await page.locator("#error summary").click();
  await check("failed");
  await page.click("#watch-tab-logs");
  await page.click("#help");
  await check("keys");
  await close();
});

test("the colours follow the system, and the choice lasts", async () => {
  const { page, close } = await open({ colorScheme: "dark" });
  const ground = async () => await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const dark = await ground();
  await page.getByRole("button", { name: "Auto colours" }).click();
  const light = await ground();
  assert.notEqual(light, dark);
  await page.reload();
  assert.equal(await ground(), light);
  await close();
});
