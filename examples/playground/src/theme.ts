/**
 * Light, dark, or as the system has it.
 *
 * Must not know: colours. Invariant: the choice is in `data-theme`, which policy.ts sets before the first picture.
 */

const THEMES = ["auto", "light", "dark"] as const;
const KEY = "extism.theme";

/** Makes a button go through the choices. */
export function themeButton(button: HTMLButtonElement, name: HTMLElement): void {
  const root = document.documentElement;
  const show = (): void => {
    const theme = THEMES.find((each) => each === root.dataset["theme"]) ?? "auto";
    name.textContent = `${theme.charAt(0).toUpperCase()}${theme.slice(1)}`;
    button.setAttribute("aria-label", `${name.textContent} colours`);
  };
  button.addEventListener("click", () => {
    const at = THEMES.findIndex((each) => each === root.dataset["theme"]);
    const next = THEMES[(Math.max(at, 0) + 1) % THEMES.length] ?? "auto";
    root.dataset["theme"] = next;
    localStorage.setItem(KEY, next);
    show();
  });
  show();
}
