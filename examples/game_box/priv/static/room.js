// The page of a room: who is there, which game, and the view that is for this browser.
//
// Must not know: how games look. Invariant: it shows what the last message of the stream said, and nothing of before.

import { card, go, nameField, nameOf, players, tile, toast } from "./app.js";
import { Board } from "./board.js";
import { ask, Stream } from "./box.js";
import { h, listen, patch } from "./dom.js";

export class RoomPage {
  #app;
  #code;
  #stream;
  #state = null;
  #waiting = false;
  #games = [];
  #board = null;
  #busy = false;
  #closed = false;

  constructor(app, code) {
    this.#app = app;
    this.#code = code;
    document.title = `${code} · Game box`;
    this.#show([h("p", { class: "page muted", "data-key": "wait" }, "Looking for the room…")]);
    this.#follow();
  }

  close() {
    this.#closed = true;
    this.#stream?.close();
    this.#board?.close();
  }

  #follow() {
    this.#stream?.close();
    this.#stream = new Stream(this.#code, {
      room: (state) => this.#arrived(state),
      waiting: () => {
        this.#waiting = true;
        if (this.#state) this.#render();
      },
      gone: (why) => this.#gone(why),
      again: () => setTimeout(() => !this.#closed && this.#follow(), 1000),
    });
  }

  #gone(why) {
    this.#board?.close();
    this.#board = null;
    this.#state = null;
    this.#show([
      h(
        "div", { class: "page center", "data-key": "gone" },
        h("h1", {}, why),
        h("p", {}, h("a", { class: "button", href: "/", "data-link": true }, "To the start")),
      ),
    ]);
  }

  async #arrived(state) {
    this.#waiting = false;
    this.#state = state;
    const isHost = state.you !== null && state.you === state.host;
    if (isHost && !state.playing && this.#games.length === 0) {
      this.#games = (await ask("GET", "/api/games").catch(() => ({ games: [] }))).games;
    }
    if (!this.#closed) this.#render();
  }

  #show(nodes) {
    patch(this.#app, nodes, listen);
  }

  #render() {
    const state = this.#state;
    this.#show([
      h(
        "div", { class: `page room ${state.playing ? "playing" : ""}`, "data-key": "room" },
        this.#head(state),
        h("div", { class: "notice", role: "alert", hidden: !(this.#waiting || state.notice) },
          this.#waiting ? "The room is moving to another node. One moment…" : (state.notice ?? "")),
        state.playing ? this.#stage(state) : this.#lobby(state),
        state.you === null && this.#join(state),
        this.#people(state),
      ),
    ]);
    this.#showView(state);
  }

  #head(state) {
    const title = state.playing && state.game ? state.game.title : "Room";
    return h(
      "div", { class: "room-head" },
      h("h1", {}, title),
      h(
        "button",
        { class: "code-chip", click: () => this.#copy(), title: "Copy the link", "aria-label": `Code ${state.code}. Copy the link` },
        state.code,
      ),
    );
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(location.href);
      toast("The link is copied.", "good");
    } catch {
      toast(location.href, "good");
    }
  }

  #people(state) {
    const chips = state.players.map(({ name, here, plays }) =>
      h(
        "li", { class: `chip ${here ? "" : "away"} ${plays || !state.playing ? "" : "out"}`, "data-key": name },
        h("span", { class: "dot", "aria-hidden": "true" }),
        name,
        name === state.host && h("span", { class: "tag" }, "host"),
        name === state.you && h("span", { class: "tag you" }, "you"),
        !here && h("span", { class: "hidden-text" }, " (away)"),
      ),
    );
    const watching = state.watching > 0 && h("li", { class: "muted", "data-key": "-" }, `${state.watching} watching`);
    const isHost = state.you !== null && state.you === state.host;
    return h(
      "section", { class: "people", "aria-label": "People" },
      h("ul", { class: "chips" }, chips, watching),
      h(
        "div", { class: "actions" },
        state.playing && isHost && h("button", { "data-key": "stop", click: () => this.#act({ do: "stop" }) }, "End the game"),
        !state.playing && state.you !== null &&
          h("button", { "data-key": "leave", click: async () => (await this.#act({ do: "leave" })) && go("/") }, "Leave"),
      ),
    );
  }

  #join(state) {
    const join = async (event) => {
      event.preventDefault();
      try {
        await ask("POST", `/api/rooms/${this.#code}/players`, { name: nameOf(event.target) });
        this.#follow();
      } catch (error) {
        toast(error.message);
      }
    };
    return h(
      "form", { class: "card join", "data-key": "join", submit: join },
      h("p", {}, state.playing ? "You are watching. Join to play the next game." : "You are watching."),
      nameField(),
      h("button", { class: "primary" }, "Join"),
    );
  }

  #lobby(state) {
    const isHost = state.you !== null && state.you === state.host;
    const enough = state.game && state.players.length >= state.game.min;
    const missing = state.game ? state.game.min - state.players.length : 0;
    const wait = !state.game
      ? isHost ? "Pick a game." : `${state.host ?? "The host"} is picking a game.`
      : enough
        ? isHost ? "Everybody here?" : `Waiting for ${state.host} to start.`
        : `Waiting for ${missing} more player${missing === 1 ? "" : "s"}.`;
    return h(
      "section", { class: "lobby", "data-key": "lobby" },
      h(
        "div", { class: "card picked" },
        state.game ? tile(state.game) : h("span", { class: "tile none", "aria-hidden": "true" }, "?"),
        h(
          "div", {},
          h("h2", {}, state.game ? state.game.title : "No game yet"),
          h("p", {}, state.game ? state.game.description : "The host picks one."),
          h("p", { class: "muted" }, state.game ? `${players(state.game)} · ` : "", wait),
        ),
        isHost && state.game &&
          h("button", { class: "primary", disabled: !enough, click: () => this.#act({ do: "start" }) }, "Start"),
      ),
      isHost && h("h2", {}, "Games"),
      isHost && h("ul", { class: "games" }, this.#games.map((game) => this.#choice(game, state))),
    );
  }

  #choice(game, state) {
    const picked = state.game?.id === game.id;
    const pick = () => this.#act({ do: "select", game: game.id });
    const label = picked ? "Picked" : "Pick";
    return card(game, h("button", { "aria-pressed": String(picked), "aria-label": `${label} ${game.title}`, click: pick }, label));
  }

  #stage(state) {
    return h(
      "section", { class: "stage card", "data-key": "stage", "aria-label": "The game" },
      !state.plays && state.you !== null && h("p", { class: "muted" }, "You came after the start, and watch this one."),
      h("div", { id: "board", "data-own": "", "data-key": "board", hidden: !state.view, inert: this.#waiting }),
      !state.view && h("p", { class: "muted center" },
        state.plays ? "One moment…" : "This game has no view for those who watch."),
      h("p", { class: "foot muted" }, `${state.moves} move${state.moves === 1 ? "" : "s"}`, state.node && ` · on ${state.node}`),
    );
  }

  #showView(state) {
    const host = this.#app.querySelector("#board");
    if (!host) {
      this.#board?.close();
      this.#board = null;
      return;
    }
    if (!this.#board || this.#board.host !== host) {
      this.#board?.close();
      this.#board = new Board(host, (event, value) => this.#move(event, value));
      this.#board.host = host;
    }
    if (state.view) this.#board.show(state.view);
  }

  // One move at a time: a second click is not a second move.
  async #move(event, value) {
    if (this.#busy) return;
    this.#busy = true;
    await this.#act({ do: "event", event, value });
    this.#busy = false;
  }

  async #act(action) {
    try {
      await ask("POST", `/api/rooms/${this.#code}/actions`, action);
      return true;
    } catch (error) {
      toast(error.message);
      return false;
    }
  }
}
