// Small changes of a text of rules that leave everything else as people wrote it.

/** Puts a rule into shadow or takes it out: one line inside its block. */
export function setMode(text: string, rule: string, isShadow: boolean): string {
  const lines = text.split('\n');
  const id = lines.findIndex((it) => it.trim().match(/^id\s*=\s*"([^"]+)"/)?.[1] === rule);
  if (id < 0) return text;
  let head = id;
  while (0 < head && lines[head]?.trim() !== '[[rule]]') head -= 1;
  let end = id + 1;
  while (end < lines.length && lines[end]?.trim() !== '[[rule]]') end += 1;
  const known = lines.slice(head, end).findIndex((it) => /^\s*mode\s*=/.test(it));
  if (0 <= known) lines.splice(head + known, 1);
  if (isShadow) lines.splice(id + (0 <= known && head + known < id ? 0 : 1), 0, 'mode = "shadow"');
  return lines.join('\n');
}

export interface DiffLine {
  sign: '+' | '-' | ' ';
  text: string;
}

/** Lines that went and came, with a few around them; longest common subsequence of lines. */
export function diffLines(before: string, after: string, around = 2): DiffLine[] {
  const [a, b] = [before.split('\n'), after.split('\n')];
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; 0 <= i; i -= 1) {
    for (let j = b.length - 1; 0 <= j; j -= 1) {
      const rest = common[i]!;
      rest[j] = a[i] === b[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, rest[j + 1]!);
    }
  }
  const all: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      all.push({ sign: ' ', text: a[i]! });
      [i, j] = [i + 1, j + 1];
    } else if (j < b.length && (i === a.length || common[i]![j + 1]! > common[i + 1]![j]!)) {
      all.push({ sign: '+', text: b[j]! });
      j += 1;
    } else {
      all.push({ sign: '-', text: a[i]! });
      i += 1;
    }
  }
  const isNear = (at: number) =>
    all.slice(Math.max(0, at - around), at + around + 1).some((it) => it.sign !== ' ');
  return all.filter((_, at) => isNear(at));
}
