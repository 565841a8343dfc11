// Light, dark, or as the system says.

const kKey = "atelier.theme";
const order = ["auto", "light", "dark"] as const;
export type Theme = (typeof order)[number];

export function currentTheme(): Theme {
  const chosen = localStorage.getItem(kKey);
  return order.find((theme) => theme === chosen) ?? "auto";
}

export function applyTheme(): void {
  document.documentElement.dataset.theme = currentTheme();
}

export function nextTheme(): void {
  localStorage.setItem(kKey, order[(order.indexOf(currentTheme()) + 1) % order.length]!);
  applyTheme();
}
