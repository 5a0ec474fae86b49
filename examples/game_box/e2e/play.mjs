// One node: liar's dice in two browsers, a watcher, an upload that is refused and one that is not, and a game that
// fails. Arguments: the address of the node, the file of the game that fails, and a folder for pictures, if wanted.

import { board, join, open, run, sees, start } from "./browser.mjs";

const [url, hostile, pictures] = process.argv.slice(2);
// Down to where the page's content ends.
async function picture(page, name) {
  if (!pictures) return;
  const { y, height } = await page.locator("main > .page > :last-child").boundingBox();
  const { width, height: most } = page.viewportSize();
  await page.mouse.move(0, 0);
  await page.screenshot({ path: `${pictures}/${name}.png`, clip: { x: 0, y: 0, width, height: Math.min(most, y + height + 24) } });
}
const phone = { viewport: { width: 390, height: 800 }, colorScheme: "dark" };

async function upload(page, file) {
  await page.fill("input[name=title]", "Hostile");
  await page.setInputFiles("input[type=file]", file);
  await page.click("form.upload button");
}

// An event that the view does not offer.
async function event(page, code, name) {
  await page.evaluate(
    ([path, body]) => fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    [`/api/rooms/${code}/actions`, { do: "event", event: name, value: {} }],
  );
}

await run(async (browsers) => {
  const [ada, ben, cy] = [await browsers.person(), await browsers.person(phone), await browsers.person({ colorScheme: "dark" })];
  await ada.goto(url);
  await ada.waitForSelector(".games li");
  const code = await open(ada, url, "Ada");
  await join(ben, url, code, "Ben");
  await cy.goto(`${url}/room/${code}`);
  await start(ada, "Liar's dice");
  await sees(ada, "Your turn.");
  if ((await board(ben, ".die.hidden").count()) !== 5) throw new Error("Ben sees what is under Ada's cup");
  if ((await board(cy, ".die.hidden").count()) !== 10) throw new Error("whoever watches sees under a cup");

  await picture(ada, "dice");
  await board(ada, "select").selectOption("4");
  await board(ada, "label.face").nth(5).click();
  await board(ada, "form button").click();
  await sees(ben, "Liar!");
  await picture(ben, "phone");
  await board(ben, "button.liar").click();
  for (const page of [ada, ben, cy]) await board(page, ":text-is('BEN called')").or(board(page, ":text('called: there')")).first().waitFor();
  await board(ada, "button.main").click();
  await sees(cy, "is thinking.");
  await ada.click("text=End the game");

  // A file that is no game is refused in words; one that fails is a game all the same.
  await ada.goto(`${url}/games`);
  await upload(ada, { name: "x.wasm", mimeType: "application/wasm", buffer: Buffer.from("hello") });
  await ada.waitForSelector(".toast:has-text('not a WebAssembly module')");
  await upload(ada, hostile);
  await ada.waitForSelector(".game:has-text('Hostile')");

  await ada.goto(`${url}/room/${code}`);
  await start(ada, "Hostile");
  await sees(ada, "0 0");
  await board(ada, "p").focus();
  await ada.keyboard.press("Enter");
  await sees(ben, "1 0");
  await event(ada, code, "trap");
  for (const page of [ada, ben, cy]) await page.waitForSelector(".notice:has-text('Nothing has changed.')");
  await board(ben, "p").click();
  await sees(cy, "2 0");

  // A view that tries to run something shows what is left of it.
  await event(ada, code, "XSS");
  await board(cy, "img").waitFor({ state: "attached" });
  const left = await cy.locator("#board").evaluate((host) => [...host.shadowRoot.querySelectorAll("*")].map((one) => one.outerHTML));
  if (left.length !== 2 || left.some((html) => /script|onerror|onclick|src=/.test(html))) throw new Error(`the view has ${left}`);
  await ada.click("text=End the game");
});
