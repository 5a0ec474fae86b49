// The page: which of its views is shown, and what its own controls do.
//
// Must not know: games. Invariant: everything that is shown is made by `patch` from the state here.

import { ask } from "./box.js";
import { h, listen, patch } from "./dom.js";
import { RoomPage } from "./room.js";

const app = document.querySelector("#app");
const CODE = /^[a-z]{4}$/i;
let room = null;

export function toast(text, kind = "error") {
  const note = document.createElement("p");
  note.className = `toast ${kind}`;
  note.textContent = text;
  document.querySelector("#toasts").append(note);
  setTimeout(() => note.remove(), 6000);
}

export function go(path) {
  history.pushState(null, "", path);
  route();
}

export function tile(game) {
  const hue = parseInt(game.id.slice(0, 4), 16) % 360;
  return h("span", { class: "tile", style: `--hue: ${hue}`, "aria-hidden": "true" }, game.title.slice(0, 1));
}

export function players({ min, max }) {
  return min === max ? `${min} players` : `${min}–${max} players`;
}

function show(...nodes) {
  patch(app, nodes, listen);
}

function route() {
  room?.close();
  room = null;
  const [page, code] = location.pathname.split("/").filter(Boolean);
  document.title = "Game box";
  if (page === "room" && CODE.test(code ?? "")) {
    room = new RoomPage(app, code.toUpperCase());
  } else if (page === "games") {
    gamesPage();
  } else {
    homePage();
  }
}

function guarded(work) {
  return async (event) => {
    event.preventDefault();
    const button = event.submitter ?? event.currentTarget;
    button.disabled = true;
    try {
      await work(event);
    } catch (error) {
      toast(error.message);
    } finally {
      button.disabled = false;
    }
  };
}

export function nameField() {
  return h(
    "label",
    { class: "field" },
    "Your name",
    h("input", {
      name: "name", required: true, minlength: 2, maxlength: 12, autocomplete: "nickname", spellcheck: "false",
      placeholder: "2 to 12 letters", value: localStorage.getItem("name") ?? "",
    }),
  );
}

export function nameOf(form) {
  const name = new FormData(form).get("name");
  localStorage.setItem("name", name);
  return name;
}

async function openRoom(event) {
  const { code } = await ask("POST", "/api/rooms", { name: nameOf(event.target) });
  go(`/room/${code}`);
}

async function findRoom(event) {
  const code = new FormData(event.target).get("code").trim().toUpperCase();
  await ask("GET", `/api/rooms/${encodeURIComponent(code)}`);
  go(`/room/${code}`);
}

function homePage() {
  show(
    h(
      "div", { class: "page home", "data-key": "home" },
      h("h1", {}, "Play together, in any browser."),
      h("p", { class: "lead" }, "Open a room, send your friends its code, pick a game. Games are plug-ins: anybody can add one."),
      h(
        "div", { class: "pair" },
        h(
          "form", { class: "card find", submit: guarded(findRoom) },
          h("h2", {}, "Join a room"),
          h(
            "label", { class: "field" }, "Code",
            h("input", {
              class: "code", name: "code", required: true, pattern: "[A-Za-z]{4}", maxlength: 4, autocomplete: "off",
              autocapitalize: "characters", spellcheck: "false", placeholder: "BCDF", title: "four letters",
            }),
          ),
          h("button", { class: "primary" }, "Join"),
        ),
        h(
          "form", { class: "card open", submit: guarded(openRoom) },
          h("h2", {}, "Open a room"),
          nameField(),
          h("button", { class: "primary" }, "Open"),
        ),
      ),
      h("section", { id: "shelf", "aria-label": "Games" }),
    ),
  );
  ask("GET", "/api/games").then(({ games }) => {
    const shelf = document.querySelector("#shelf");
    if (shelf) patch(shelf, [h("h2", {}, "On the shelf"), h("ul", { class: "games" }, games.map((game) => card(game)))], listen);
  }, (error) => toast(error.message));
}

export function card(game, action) {
  const old = game.era === "0.1" && h("span", { class: "tag", title: "built for the first Extism" }, "0.1");
  return h(
    "li", { class: "game", "data-key": game.id },
    tile(game),
    h(
      "div", {},
      h("h3", {}, game.title, old),
      h("p", {}, game.description),
      h("p", { class: "muted" }, players(game), game.spectators && " · can be watched"),
    ),
    action,
  );
}

async function upload(event) {
  const data = new FormData(event.target);
  const query = new URLSearchParams({ title: data.get("title"), description: data.get("description") });
  const game = await ask("POST", `/api/games?${query}`, data.get("file"), "application/wasm");
  event.target.reset();
  toast(`${game.title} is on the shelf.`, "good");
  gamesPage();
}

async function remove(game) {
  if (!confirm(`Remove ${game.title}?`)) return;
  await ask("DELETE", `/api/games/${game.id}`);
  gamesPage();
}

async function gamesPage() {
  document.title = "Games · Game box";
  const { games } = await ask("GET", "/api/games").catch((error) => (toast(error.message), { games: [] }));
  if (location.pathname !== "/games") return;
  const mine = (game) => game.yours && h("button", { click: guarded(() => remove(game)) }, "Remove");
  show(
    h(
      "div", { class: "page", "data-key": "games" },
      h("h1", {}, "Games"),
      h("ul", { class: "games" }, games.map((game) => card(game, mine(game)))),
      h(
        "form", { class: "card upload", submit: guarded(upload) },
        h("h2", {}, "Add a game"),
        h("label", { class: "field" }, "Title", h("input", { name: "title", required: true, minlength: 2, maxlength: 60 })),
        h(
          "label", { class: "field" }, "Description",
          h("textarea", { name: "description", maxlength: 400, rows: 2 }),
        ),
        h(
          "label", { class: "field" }, "Module (.wasm, up to 8 MiB)",
          h("input", { type: "file", name: "file", required: true, accept: ".wasm,application/wasm" }),
        ),
        h("button", { class: "primary" }, "Upload"),
        h("p", { class: "muted" }, "It is looked at and tried out first; if it cannot be played, you are told why."),
      ),
      h(
        "section", { class: "card" },
        h("h2", {}, "Write one"),
        h("p", {}, "A game is an Extism plug-in, in any language, with four functions. What they take and give is JSON; a view is HTML, made for one player at a time."),
        h(
          "dl", { class: "abi" },
          ABI.map(([name, takes, gives]) => [
            h("dt", {}, h("code", {}, name)),
            h("dd", {}, h("code", {}, takes), " → ", h("code", {}, gives)),
          ]),
        ),
        h("p", { class: "muted" }, "An element with phx-click=\"name\" and phx-value-x=\"…\" makes an event when it is clicked, a form with phx-submit=\"name\" when it is sent. The state of a game is its Extism variables."),
      ),
    ),
  );
}

const ABI = [
  ["get_constraints", "nothing", '{"min_players":2,"max_players":8}'],
  ["init_game", '{"player_ids":["ADA","BEN"]}', "nothing"],
  ["handle_event", '{"player_id":"ADA","event_name":"bid","value":{"count":"3"}}', '{"version":1}'],
  ["render", '{"player_id":"ADA"}', "HTML; for those who watch, the name is empty"],
];

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-link]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go(link.getAttribute("href"));
  app.focus();
});
window.addEventListener("popstate", route);
route();
