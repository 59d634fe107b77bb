// Which browser on which system a session says it is: enough to tell one's phone from one's desk.
//
// Programs name their forerunners too, so the order of the lists decides.

const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/wxwork\//i, 'wecom'],
  [/MicroMessenger\//i, 'wechat'],
  [/DingTalk\//i, 'dingtalk'],
  [/(?:Lark|Feishu)\//i, 'feishu'],
  [/Edg(?:e|A|iOS)?\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/SamsungBrowser\//, 'Samsung Internet'],
  [/(?:Firefox|FxiOS)\//, 'Firefox'],
  [/(?:Chrome|CriOS|Chromium)\//, 'Chrome'],
  [/Version\/.*Safari\//, 'Safari'],
];

const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/HarmonyOS|OpenHarmony/, 'HarmonyOS'],
  [/iPad/, 'iPad'],
  [/iPhone/, 'iPhone'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/CrOS/, 'ChromeOS'],
  [/Macintosh|Mac OS X/, 'macOS'],
  [/Linux|X11/, 'Linux'],
];

export interface Program {
  /** A word of the catalogue, or a name that is the same everywhere; null where nothing is known. */
  browser: string | null;
  system: string | null;
}

export function program(agent: string): Program {
  const found = (list: typeof BROWSERS) => list.find(([pattern]) => pattern.test(agent))?.[1] ?? null;
  return { browser: found(BROWSERS) ?? bare(agent), system: found(SYSTEMS) };
}

/** Other programs begin with their name, as `curl/8.5.0`. */
function bare(agent: string): string | null {
  const name = /^([\w.-]{2,40})\//.exec(agent)?.[1] ?? null;
  return name === 'Mozilla' ? null : name;
}
