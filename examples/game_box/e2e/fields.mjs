// A game whose form has fields named as whatever a form has itself. Argument: the address of the box.

import { run } from "./browser.mjs";

const [base] = process.argv.slice(2);

await run(async (browsers) => {
  const page = await browsers.person();
  await page.goto(base);
  const count = await page.evaluate(async () => {
    const { Board } = await import("/assets/board.js");
    const names = [];
    for (let owner = HTMLFormElement.prototype; owner; owner = Object.getPrototypeOf(owner)) {
      names.push(...Object.getOwnPropertyNames(owner));
    }
    const host = document.body.appendChild(document.createElement("div"));
    host.id = "test";
    window.sent = [];
    const board = new Board(host, (name, values) => window.sent.push([name, Object.keys(values).length]));
    const view = (turn) => {
      const fields = names.map((name) => ["input", { name, value: turn }, [], {}]);
      const buttons = ["button", "submit"].map((type) => ["button", { type }, [`${type} ${turn}`], {}]);
      const style = `color: ${turn === "1" ? "red" : "blue"};`;
      const form = ["form", { class: turn, style }, [...buttons, ...fields], { submit: "sent", key: "x" }];
      return { css: "", body: [["div", {}, [form], { click: "clicked" }]] };
    };
    board.show(view("1"));
    board.show(view("2"));
    return new Set(names).size;
  });
  // By their places: Playwright finds nothing beside such a form.
  const places = await page.evaluate(() =>
    [...document.querySelector("#test").shadowRoot.querySelectorAll("button")].map((button) => {
      button.scrollIntoView({ block: "center" });
      const { x, y } = button.getBoundingClientRect();
      return [x + 5, y + 5];
    }),
  );
  for (const [x, y] of places) await page.mouse.click(x, y);
  const state = await page.evaluate(() => {
    const form = document.querySelector("#test").shadowRoot.querySelector("form");
    const attribute = (name) => Element.prototype.getAttribute.call(form, name);
    return { sent: window.sent, shown: [attribute("class"), attribute("style")] };
  });
  const expected = { sent: [["clicked", 0], ["clicked", 0], ["sent", count]], shown: ["2", "color: blue;"] };
  if (JSON.stringify(state) !== JSON.stringify(expected)) throw new Error(JSON.stringify(state));
});
