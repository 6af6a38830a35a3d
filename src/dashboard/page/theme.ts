/** Light or dark: the system's choice, until somebody makes one. */
import { useState } from 'preact/hooks';

const THEME = 'sluice-theme';
type Theme = 'system' | 'light' | 'dark';
const NEXT: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };

function apply(theme: Theme): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

const read = (): Theme => {
  const kept = localStorage.getItem(THEME);
  return kept === 'light' || kept === 'dark' ? kept : 'system';
};

export function useTheme(): readonly [Theme, () => void] {
  const [theme, setTheme] = useState(() => {
    apply(read());
    return read();
  });
  const turn = (): void => {
    const next = NEXT[theme];
    localStorage.setItem(THEME, next);
    apply(next);
    setTheme(next);
  };
  return [theme, turn];
}
