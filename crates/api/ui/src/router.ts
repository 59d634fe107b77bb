// Where the page is: the path and the query are the state, so that a link shows the same thing.
//
// Plain links work; clicks on them stay in the page. There is no route table here: the shell decides.

import { signal } from '@preact/signals';

export interface Place {
  path: string;
  query: URLSearchParams;
}

/** The current place. */
export const place = signal<Place>(here());

/** Goes to another place of this page. */
export function go(href: string): void {
  history.pushState(null, '', href);
  place.value = here();
  window.scrollTo(0, 0);
}

/** Changes the query of the current place without a new step in the browser's history. */
export function setQuery(changes: Record<string, string | null>): void {
  const query = new URLSearchParams(place.value.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  history.replaceState(null, '', place.value.path + (text ? `?${text}` : ''));
  place.value = here();
}

/** Changes a part of the query that may stand several times. */
export function setQueryAll(name: string, values: readonly string[]): void {
  const query = new URLSearchParams(place.value.query);
  query.delete(name);
  for (const value of values) query.append(name, value);
  const text = query.toString();
  history.replaceState(null, '', place.value.path + (text ? `?${text}` : ''));
  place.value = here();
}

/** Follows the browser's buttons and clicks on links; call once. */
export function follow(): void {
  window.addEventListener('popstate', () => (place.value = here()));
  document.addEventListener('click', (event) => {
    const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    const link = (event.target as Element | null)?.closest?.('a');
    const href = link?.getAttribute('href');
    if (!isPlain || event.defaultPrevented || !href?.startsWith('/') || link?.target) return;
    event.preventDefault();
    go(href);
  });
}

function here(): Place {
  return { path: window.location.pathname, query: new URLSearchParams(window.location.search) };
}
