// The colours of the style sheet, for the canvas; read again when light turns to dark.

import { useEffect, useState } from 'preact/hooks';

export interface Palette {
  name: 'light' | 'dark';
  ground: string;
  surface: string;
  line: string;
  ink: string;
  ink2: string;
  ink3: string;
  mute: string;
  warn: string;
  alarm: string;
  series: string;
  other: string;
}

export const CHART_FONT =
  '14px system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "WenQuanYi Micro Hei", sans-serif';

const DARK = '(prefers-color-scheme: dark)';

export function usePalette(): Palette {
  const [palette, setPalette] = useState(readPalette);
  useEffect(() => {
    const media = window.matchMedia(DARK);
    const change = () => setPalette(readPalette());
    media.addEventListener('change', change);
    return () => media.removeEventListener('change', change);
  }, []);
  return palette;
}

/** A colour of the palette with an opacity from 0 to 1. */
export function faded(colour: string, opacity: number): string {
  return colour + Math.round(opacity * 255).toString(16).padStart(2, '0');
}

function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    name: window.matchMedia(DARK).matches ? 'dark' : 'light',
    ground: colour('ground'),
    surface: colour('surface'),
    line: colour('line'),
    ink: colour('ink'),
    ink2: colour('ink-2'),
    ink3: colour('ink-3'),
    mute: colour('mute'),
    warn: colour('warn'),
    alarm: colour('alarm'),
    series: colour('series-1'),
    other: colour('series-2'),
  };
}
