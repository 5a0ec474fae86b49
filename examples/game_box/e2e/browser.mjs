// Browsers for the tests: headless Chromium, in which every person has a profile of their own.
//
// Invariant: a page that reports an error of its own, or breaks the policy it was sent with, fails the test.

import { chromium } from "playwright-core";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
// A node that was killed answers nothing; that is not the page's fault.
const EXPECTED = /net::ERR_|Failed to load resource/;

export class Browsers {
  problems = [];
  #browser;

  async start() {
    this.#browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
  }

  async person(options = {}) {
    const context = await this.#browser.newContext({ viewport: { width: 1000, height: 780 }, ...options });
    context.setDefaultTimeout(25_000);
    const page = await context.newPage();
    page.on("pageerror", (error) => this.problems.push(error.message));
    page.on("dialog", (dialog) => this.problems.push(`a dialog: ${dialog.message()}`));
    page.on("console", (message) => {
      if (message.type() === "error" && !EXPECTED.test(message.text())) this.problems.push(message.text());
    });
    return page;
  }

  async stop() {
    await this.#browser.close();
    if (this.problems.length > 0) throw new Error(`the page reported: ${this.problems.join("; ")}`);
  }
}

export async function open(page, url, name) {
  await page.goto(url);
  await page.fill("form.open input[name=name]", name);
  await page.click("form.open button");
  await page.waitForSelector(".code-chip");
  return (await page.textContent(".code-chip")).trim();
}

export async function join(page, url, code, name) {
  await page.goto(url);
  await page.fill("form.find input[name=code]", code.toLowerCase());
  await page.click("form.find button");
  await page.fill("form.join input[name=name]", name);
  await page.click("form.join button");
  await page.waitForSelector(`.chip:has-text("${name.toUpperCase()}") .you`);
}

export async function start(page, title) {
  await page.click(`button[aria-label="Pick ${title}"]`);
  await page.click("button.primary:not([disabled]):has-text('Start')");
}

// A part of the game's view.
export const board = (page, selector) => page.locator("#board").locator(selector);

export async function sees(page, text) {
  await board(page, `:text("${text}")`).first().waitFor();
}

// Runs a test and says how it ended, in a line that whoever started this reads.
export async function run(test) {
  const browsers = new Browsers();
  try {
    await browsers.start();
    await test(browsers);
    await browsers.stop();
    console.log("passed");
    process.exit(0);
  } catch (error) {
    console.log(`failed: ${error.stack} ${browsers.problems.join("; ")}`);
    process.exit(1);
  }
}
