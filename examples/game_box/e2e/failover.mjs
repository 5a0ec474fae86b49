// Two browsers play a whole game and a third one watches, each on a node of its own; the node the room is on is killed
// in between. Arguments: the addresses of the three nodes. Prints "kill CODE" and reads the name of the
// node that has been killed.

import { once } from "node:events";
import { createInterface } from "node:readline";
import { board, join, open, run, sees, start } from "./browser.mjs";

const [one, two, three] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin });
const square = (row, column) => `button[aria-label="row ${row}, column ${column}: empty"]`;

await run(async (browsers) => {
  const [ada, ben, cy] = [await browsers.person(), await browsers.person(), await browsers.person()];
  const code = await open(ada, one, "Ada");
  await join(ben, two, code, "Ben");
  await cy.goto(`${three}/room/${code}`);
  await cy.waitForSelector("text=You are watching");
  await start(ada, "Tic-tac-toe");
  await sees(cy, "ADA is thinking.");

  await board(ada, square(2, 2)).click();
  // Ben plays with the keyboard.
  await board(ben, square(1, 1)).focus();
  await ben.keyboard.press("Enter");
  await sees(ada, "Your turn.");
  await sees(cy, "ADA is thinking.");

  console.log(`kill ${code}`);
  const [killed] = await once(lines, "line");

  // The room is elsewhere now, and so is whoever was on that node; nobody had to do anything for it.
  for (const page of [ada, ben, cy]) await page.waitForSelector(`.foot:not(:has-text("${killed}"))`);
  for (const [row, column, page] of [[1, 3, ada], [3, 1, ben], [2, 1, ada], [2, 3, ben]]) {
    await board(page, square(row, column)).click();
    await board(page, `[aria-label="row ${row}, column ${column}: ${page === ada ? "X" : "O"}"]`).waitFor();
  }
  await board(ada, square(3, 2)).click();
  await sees(ben, "Your turn.");
  await board(ben, square(1, 2)).click();
  await board(ada, square(3, 3)).click();
  for (const page of [ada, ben, cy]) await sees(page, "A draw.");
  for (const page of [ada, ben, cy]) await page.waitForSelector(".foot:has-text('9 moves')");
});
