// What the page asks of the box: requests, and the stream of a room.
//
// Must not know: the page. Invariant: a failed request gives words for people.

export async function ask(method, path, body, type = "application/json") {
  const options = { method, headers: {} };
  if (body !== undefined) {
    options.headers["Content-Type"] = type;
    options.body = type === "application/json" ? JSON.stringify(body) : body;
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("The box cannot be reached.");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error ?? `The box answered ${response.status}.`);
  return answer;
}

const PATIENCE_MS = 1200;

// Follows a room. When its node is gone for good, another one is looked for, and the page goes there.
export class Stream {
  #source;
  #urls = [];
  #timer;
  #closed = false;

  constructor(code, handlers) {
    this.#source = new EventSource(`/api/rooms/${code}/stream`);
    this.#source.addEventListener("nodes", (event) => (this.#urls = JSON.parse(event.data).urls));
    this.#source.addEventListener("room", (event) => {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      handlers.room(JSON.parse(event.data));
    });
    this.#source.addEventListener("moving", () => handlers.waiting());
    this.#source.addEventListener("gone", () => {
      this.close();
      handlers.gone("The room has been closed.");
    });
    this.#source.addEventListener("error", () => {
      handlers.waiting();
      this.#timer ??= setTimeout(() => this.#elsewhere(code, handlers), PATIENCE_MS);
    });
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#source.close();
  }

  async #elsewhere(code, handlers) {
    if (this.#closed) return;
    this.#timer = undefined;
    if (this.#source.readyState === EventSource.CLOSED) {
      const why = await ask("GET", `/api/rooms/${code}`).then(() => null, (error) => error.message);
      if (why && !why.includes("reached")) return this.close(), handlers.gone(why);
    }
    for (const url of this.#urls.filter((url) => url !== location.origin)) {
      if (this.#closed) return;
      if (await answers(url)) return location.replace(url + location.pathname);
    }
    if (this.#source.readyState === EventSource.CLOSED) handlers.again();
    else this.#timer = setTimeout(() => this.#elsewhere(code, handlers), PATIENCE_MS);
  }
}

async function answers(url) {
  try {
    return (await fetch(`${url}/health`, { signal: AbortSignal.timeout(1000) })).ok;
  } catch {
    return false;
  }
}
