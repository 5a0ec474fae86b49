/**
 * The playground: brings what the user chooses, the plug-in and what is shown together.
 *
 * Must not know: how anything is drawn or called. Invariants: everything the user chose is in one `Settings` object; what
 * runs always runs with what is shown; nothing is sent anywhere.
 */

import { extismVersion, loadCore, type Plugin } from "@extism/extism";

import { chart, remember, type Timing } from "./chart.js";
import { describe, pluginFile, type Description, type PluginFile } from "./describe.js";
import { byId, make } from "./dom.js";
import { exampleBytes, EXAMPLES } from "./examples.js";
import { InputView } from "./input-view.js";
import { keep, kept } from "./kept-file.js";
import { Logs } from "./logs.js";
import { ManifestView } from "./manifest-view.js";
import { showModule, showStandIns } from "./module-view.js";
import { ResultView } from "./result-view.js";
import { Runner, type Run } from "./runner.js";
import { asExtismError, Session } from "./session.js";
import { fresh, fromFragment, toFragment, type Settings } from "./settings.js";
import { themeButton } from "./theme.js";
import { Tabs } from "./tabs.js";
import { Variables } from "./variables.js";

const READY = "Press Call, or Ctrl and Enter anywhere.";
const UNLOADED = "Drop a plug-in or choose an example, then press Call.";

class Playground {
  #settings = fresh();
  #file: PluginFile | undefined;
  #told: Description | undefined;
  /** What a link named and the user has to give. */
  #awaited: { file: string; sha256: string } | undefined;
  #timings: Timing[] = [];
  /** Grows with every plug-in that is chosen, so that a slow one does not replace a later one. */
  #choice = 0;

  readonly #functions = byId("function", HTMLSelectElement);
  readonly #times = byId("repeat", HTMLSelectElement);
  readonly #notice = byId("notice", HTMLElement);
  readonly #logs = new Logs();
  readonly #result = new ResultView();
  readonly #session = new Session((level, message) => {
    this.#logs.add(level, message);
  });
  readonly #variables = new Variables(() => this.#openedOrTold());
  readonly #input: InputView;
  readonly #manifest: ManifestView;
  readonly #runner: Runner;
  readonly #watch: Tabs;

  constructor() {
    const changed = (): void => {
      this.#gather();
    };
    this.#input = new InputView(changed);
    this.#manifest = new ManifestView(changed, () => {
      this.#reload();
    });
    this.#functions.addEventListener("change", changed);
    this.#watch = new Tabs(byId("watch-tabs", HTMLElement), (kind) => {
      for (const each of ["logs", "variables", "timing"]) {
        byId(`${each}-panel`, HTMLElement).hidden = each !== kind;
      }
      byId("clear", HTMLElement).hidden = kind === "variables";
      this.#drawTimings();
    });
    this.#watch.choose("logs");
    byId("clear", HTMLElement).addEventListener("click", () => {
      if (this.#watch.kind === "logs") {
        this.#logs.clear();
      } else {
        this.#timings = [];
        this.#drawTimings();
      }
    });
    this.#runner = this.#makeRunner();
    this.#listenToButtons();
    this.#listenToDrops();
    this.#listenToKeys();
    this.#drawExamples();
    this.#show();
  }

  /** Begins with what the address says. */
  async start(): Promise<void> {
    try {
      const shared = fromFragment(location.hash);
      if (shared !== undefined) {
        await this.#restore(shared);
      }
    } catch (error) {
      this.#say(asExtismError(error).message, "is-bad");
    }
    await loadCore();
    byId("version", HTMLElement).textContent = `Extism ${extismVersion()}`;
  }

  async #restore(shared: Settings): Promise<void> {
    this.#settings = shared;
    this.#show();
    const { module } = shared;
    if (module === undefined) {
      return;
    }
    if ("example" in module) {
      await this.#chooseExample(module.example, shared);
      return;
    }
    const file = module.sha256 === "" ? undefined : await kept(module.sha256);
    if (file !== undefined) {
      await this.#choose(file, shared);
      return;
    }
    this.#awaited = module;
    const hash = module.sha256 === "" ? "" : ` (sha256 ${module.sha256.slice(0, 12)}…)`;
    this.#say(
      `This link was made with ${module.file}${hash}. Links hold no plug-ins: drop that file here to go on.`,
      "is-warn",
    );
  }

  async #chooseExample(id: string, settings?: Settings): Promise<void> {
    const example = EXAMPLES.find((each) => each.id === id);
    if (example === undefined) {
      this.#say(`There is no example ${id}.`, "is-bad");
      return;
    }
    const choice = ++this.#choice;
    try {
      const bytes = await exampleBytes(id);
      const file = await pluginFile(`${id}.wasm`, bytes, id);
      if (choice === this.#choice) {
        await this.#choose(file, settings ?? { ...fresh(), ...example.settings });
      }
    } catch (error) {
      this.#say(asExtismError(error).message, "is-bad");
    }
  }

  async #chooseFile(given: File): Promise<void> {
    const choice = ++this.#choice;
    const file = await pluginFile(given.name, new Uint8Array(await given.arrayBuffer()));
    if (choice !== this.#choice) {
      return;
    }
    keep(file);
    const awaited = this.#awaited;
    const settings = awaited === undefined && this.#file !== undefined ? this.#keptSettings() : this.#settings;
    await this.#choose(file, settings);
    if (awaited !== undefined && awaited.sha256 !== "" && awaited.sha256 !== file.sha256) {
      this.#say(`This is another file than the link was made with: ${awaited.file} had another SHA-256.`, "is-warn");
    }
  }

  /** What a user wrote stays when another version of a plug-in is dropped; what came with an example goes. */
  #keptSettings(): Settings {
    return this.#file?.example === undefined ? this.#settings : fresh();
  }

  /** Shows a plug-in; the next call runs it. */
  async #choose(file: PluginFile, settings: Settings): Promise<void> {
    const choice = this.#choice;
    this.#runner.cancel();
    this.#notice.hidden = true;
    let told: Description;
    try {
      told = await describe(file.bytes);
    } catch (error) {
      this.#say(`${file.name} is no plug-in. ${asExtismError(error).message}`, "is-bad");
      return;
    }
    await this.#session.close();
    if (choice !== this.#choice) {
      return;
    }
    this.#awaited = undefined;
    this.#file = file;
    this.#told = told;
    const { functions, wasi } = told;
    const functionName = functions.includes(settings.functionName) ? settings.functionName : (functions[0] ?? "");
    const module = file.example === undefined ? { file: file.name, sha256: file.sha256 } : { example: file.example };
    this.#settings = { ...settings, functionName, module, wasi: settings.wasi || wasi };
    this.#timings = [];
    this.#logs.clear();
    this.#show();
    await this.#variables.refresh(undefined);
  }

  /** Shows the settings and the plug-in. */
  #show(): void {
    const { settings, file, told } = { settings: this.#settings, file: this.#file, told: this.#told };
    this.#variables.watch(settings.watched);
    const functions = told?.functions ?? [];
    this.#functions.replaceChildren();
    for (const name of functions) {
      this.#functions.append(make("option", {}, name));
    }
    this.#functions.disabled = functions.length === 0;
    if (functions.length === 0) {
      this.#functions.append(make("option", {}, told === undefined ? "no plug-in yet" : "none that can be called"));
    }
    const { functionName } = settings;
    this.#functions.value = functions.includes(functionName) ? functionName : this.#functions.value;
    // These tell of changes while they are set: what they say is read when all are.
    const before = { ...settings };
    this.#input.set(before);
    this.#manifest.set(before);
    this.#settings = before;
    byId("call", HTMLElement).setAttribute("aria-disabled", String(functions.length === 0));
    byId("renew", HTMLElement).hidden = file === undefined;
    if (file !== undefined && told !== undefined) {
      const about = EXAMPLES.find((each) => each.id === file.example)?.about ?? "";
      showModule(file, told, about);
      showStandIns(told.hostNeeds, before.standIns, (id, standIn) => {
        this.#settings.standIns = { ...this.#settings.standIns, [id]: standIn };
      });
    }
    for (const chip of byId("examples", HTMLElement).querySelectorAll("button")) {
      chip.setAttribute("aria-pressed", String(chip.dataset["example"] === file?.example && file !== undefined));
    }
    this.#result.clear(file === undefined ? UNLOADED : READY);
    this.#drawTimings();
  }

  /** Reads what the user has changed. */
  #gather(): void {
    const functionName = this.#functions.disabled ? this.#settings.functionName : this.#functions.value;
    this.#settings = {
      ...this.#settings,
      ...this.#input.get(),
      ...this.#manifest.get(),
      functionName,
      watched: this.#variables.names,
    };
  }

  #makeRunner(): Runner {
    return new Runner({
      began: (run) => {
        this.#result.running(run.name, 0, run.times);
      },
      progressed: (run, done) => {
        this.#result.running(run.name, done, run.times);
        this.#drawTimings();
      },
      timed: (ms, isGood) => {
        remember(this.#timings, { ms, isGood });
      },
      succeeded: (run, last) => {
        this.#result.good(run.name, last.output, last.ms, run.times);
      },
      failed: (run, error, ms) => {
        this.#result.bad(run.name, error, ms);
      },
      ended: () => {
        this.#drawTimings();
        void this.#variables.refresh(this.#session.plugin);
      },
    });
  }

  #call(): void {
    const file = this.#file;
    if (file === undefined || this.#told?.functions.length === 0) {
      return;
    }
    this.#gather();
    let input: string | Uint8Array = "";
    const name = this.#settings.functionName;
    const run: Run = {
      name,
      times: Number(this.#times.value),
      open: async () => {
        input = await this.#input.read();
        await this.#opened();
      },
      call: async (signal) => await this.#session.call(name, input, signal),
    };
    void this.#runner.run(run);
  }

  async #opened(): Promise<Plugin | undefined> {
    this.#gather();
    return this.#file === undefined
      ? undefined
      : await this.#session.open(this.#file, this.#told?.hostNeeds ?? [], this.#settings);
  }

  /** As `#opened`; a failure is shown as that of a call is. */
  async #openedOrTold(): Promise<Plugin | undefined> {
    try {
      return await this.#opened();
    } catch (error) {
      this.#result.bad("the plug-in", asExtismError(error), undefined);
      return undefined;
    }
  }

  #link(): string {
    this.#gather();
    const address = new URL(location.href);
    address.hash = toFragment(this.#settings);
    return address.href;
  }

  #reload(): void {
    history.replaceState(undefined, "", this.#link());
    location.reload();
  }

  async #share(): Promise<void> {
    const link = this.#link();
    history.replaceState(undefined, "", link);
    const module = this.#settings.module;
    const missing = [
      ...(module !== undefined && "file" in module ? [module.file] : []),
      ...(this.#settings.inputKind === "file" ? ["the input file"] : []),
    ];
    const rest =
      missing.length === 0 ? "" : ` It holds no files: whoever opens it is asked for ${missing.join(" and ")}.`;
    try {
      await navigator.clipboard.writeText(link);
      this.#say(`The link is on the clipboard.${rest}`, "");
    } catch {
      this.#say(`The link is in the address bar.${rest}`, "");
    }
  }

  #listenToButtons(): void {
    const picker = byId("file", HTMLInputElement);
    byId("pick", HTMLElement).addEventListener("click", () => {
      picker.click();
    });
    picker.addEventListener("change", () => {
      const [file] = picker.files ?? [];
      if (file !== undefined) {
        void this.#chooseFile(file);
      }
      picker.value = "";
    });
    byId("call", HTMLElement).addEventListener("click", () => {
      this.#call();
    });
    byId("renew", HTMLElement).addEventListener("click", () => {
      void this.#session.close().then(async () => {
        await this.#variables.refresh(undefined);
        this.#result.clear("The plug-in is as new: memory, variables and the stores of its host are empty.");
      });
    });
    byId("share", HTMLElement).addEventListener("click", () => {
      void this.#share();
    });
    byId("help", HTMLElement).addEventListener("click", () => {
      byId("keys", HTMLDialogElement).showModal();
    });
    window.addEventListener("resize", () => {
      this.#drawTimings();
    });
    themeButton(byId("theme", HTMLButtonElement), byId("theme-name", HTMLElement));
    window.addEventListener("hashchange", () => {
      if (location.hash.startsWith("#v")) {
        location.reload();
      }
    });
  }

  #listenToDrops(): void {
    const veil = byId("veil", HTMLElement);
    let depth = 0;
    const holdsFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
    window.addEventListener("dragenter", (event) => {
      depth += holdsFiles(event) ? 1 : 0;
      veil.hidden = depth === 0;
    });
    window.addEventListener("dragleave", (event) => {
      depth = Math.max(0, depth - (holdsFiles(event) ? 1 : 0));
      veil.hidden = depth === 0;
    });
    window.addEventListener("dragover", (event) => {
      if (holdsFiles(event)) {
        event.preventDefault();
      }
    });
    window.addEventListener("drop", (event) => {
      depth = 0;
      veil.hidden = true;
      const [file] = event.dataTransfer?.files ?? [];
      if (file !== undefined) {
        event.preventDefault();
        void this.#chooseFile(file);
      }
    });
  }

  #listenToKeys(): void {
    const places: Readonly<Record<string, () => void>> = {
      Digit1: () => {
        byId("pick", HTMLElement).focus();
      },
      Digit2: () => {
        this.#manifest.focus();
      },
      Digit3: () => {
        this.#input.focus();
      },
      Digit4: () => {
        byId("result", HTMLElement).focus();
      },
    };
    window.addEventListener("keydown", (event) => {
      const isWriting = /^(INPUT|TEXTAREA|SELECT)$/.test((event.target as Element).tagName);
      const dialog = byId("keys", HTMLDialogElement);
      const place = places[event.code];
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.#call();
      } else if (event.key === "Escape" && this.#runner.isRunning) {
        event.preventDefault();
        this.#runner.cancel();
      } else if (event.altKey && place !== undefined) {
        event.preventDefault();
        place();
      } else if (event.key === "?" && !isWriting && !dialog.open) {
        dialog.showModal();
      }
    });
  }

  #drawExamples(): void {
    const chips = EXAMPLES.map(({ id, about }) => {
      const chip = make("button", { type: "button", title: about, "data-example": id, "aria-pressed": "false" }, id);
      chip.addEventListener("click", () => {
        void this.#chooseExample(id);
      });
      return chip;
    });
    byId("examples", HTMLElement).replaceChildren(...chips);
  }

  #drawTimings(): void {
    const count = this.#timings.length;
    // Hidden, it has no width; it is drawn again when it is shown.
    const chartWidth = byId("chart", HTMLElement).clientWidth || 640;
    byId("timing-count", HTMLElement).textContent = count === 0 ? "" : String(count);
    byId("chart", HTMLElement).replaceChildren(...(count === 0 ? [] : chart(this.#timings, chartWidth)));
    byId("timing-words", HTMLElement).textContent =
      count === 0
        ? "Every call is a point here. Choose more times than 1 to see many."
        : "Measured from this page: the way to the Worker and back is included.";
  }

  #say(words: string, kind: string): void {
    this.#notice.className = `notice ${kind}`;
    this.#notice.textContent = words;
    this.#notice.hidden = false;
  }
}

// The policy of the page must have been narrowed before anything can run.
if (document.documentElement.dataset["policy"] === "narrow") {
  void new Playground().start();
}
