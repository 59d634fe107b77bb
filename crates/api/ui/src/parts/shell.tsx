// The frame of every screen: name, navigation, language, and the banner that says when news stopped.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Session } from '../api/types';
import { heardAt, line, reopen } from '../api/live';
import { may } from '../api/who';
import { place } from '../router';
import { clock, now, zone } from '../text/format';
import { chooseLanguage, language, pick, t } from '../text/language';
import { SignOut } from './sign_out';

/** A stream that comes back sooner than this was not worth a word. */
const LOST_AFTER_MS = 6_000;

interface Props {
  session: Session | null;
  /** Somebody must sign in first; until the server has answered, nobody is. */
  isStranger: boolean;
  children: ComponentChildren;
}

export function Shell({ session, isStranger, children }: Props) {
  return (
    <>
      <a class="skip" href="#main">{t('shell.skip')}</a>
      <header class="top">
        <a class="brand" href="/">
          <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
            <path d="M2 18h6l4-9 5 15 4-10 2 4h7" />
          </svg>
          <span>Forewarn</span>
        </a>
        {!isStranger && <Tabs />}
        <span class="site">{session?.site && pick(session.site.name)}</span>
        <LanguageSwitch />
        {session && !session.demo && <OwnLink session={session} />}
      </header>
      {session && <Banner />}
      <main id="main" tabIndex={-1}>{children}</main>
      <footer class="foot">
        {session?.demo && <span>{t('shell.demo')}</span>}
        {session && <span>{t('shell.account', { account: session.name })}</span>}
        <span>{t('shell.zone', { zone: zone.value })}</span>
        {session && !session.demo && <SignOut />}
      </footer>
    </>
  );
}

function Tabs() {
  return (
    <nav aria-label={t('shell.navigation')}>
      <Tab href="/tickets" paths={['/', '/tickets', '/t/', '/stops']} text={t('nav.tickets')} />
      <Tab href="/devices" paths={['/devices', '/d/']} text={t('nav.devices')} />
      <Tab href="/review" paths={['/review']} text={t('nav.review')} />
      <Tab href="/explore" paths={['/explore']} text={t('nav.explore')} />
      <Tab href="/rules" paths={['/rules']} text={t('nav.rules')} />
      <Tab href="/health" paths={['/health']} text={t('nav.health')} />
      {may('administer') && <Tab href="/access" paths={['/access']} text={t('nav.access')} />}
    </nav>
  );
}

function Tab({ href, paths, text }: { href: string; paths: string[]; text: string }) {
  const at = place.value.path;
  const isHere = paths.some((it) => (it === '/' ? at === it : at.startsWith(it)));
  const link = useRef<HTMLAnchorElement>(null);
  // A phone does not show all tabs at once.
  useEffect(() => {
    if (isHere) link.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [isHere, text]);
  return <a ref={link} href={href} aria-current={isHere ? 'page' : undefined}>{text}</a>;
}

/** The way to one's own account; a phone has room for its sign only. */
function OwnLink({ session }: { session: Session }) {
  const isHere = place.value.path === '/account';
  return (
    <a
      class="own-link"
      href="/account"
      title={t('nav.account')}
      aria-label={t('shell.own', { name: session.name })}
      aria-current={isHere ? 'page' : undefined}
    >
      <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
        <path d="M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4 21c0-4 3.5-6 8-6s8 2 8 6" />
      </svg>
      <span>{session.name}</span>
    </a>
  );
}

function LanguageSwitch() {
  const other = language.value === 'zh' ? 'en' : 'zh';
  return (
    <button
      type="button"
      class="language"
      lang={other === 'zh' ? 'zh-CN' : 'en'}
      aria-label={t('shell.language')}
      onClick={() => chooseLanguage(other)}
    >
      {other === 'zh' ? '中文' : 'English'}
    </button>
  );
}

function Banner() {
  const [isDue, setDue] = useState(false);
  const state = line.value;
  const isBroken = state === 'lost' || state === 'offline';
  useEffect(() => {
    if (!isBroken) return setDue(false);
    const timer = setTimeout(() => setDue(true), LOST_AFTER_MS);
    return () => clearTimeout(timer);
  }, [isBroken]);
  if (!isBroken || (!isDue && state !== 'offline')) return null;
  const time = clock(Math.min(heardAt.value, now.value), true);
  return (
    <div class="banner" role="status">
      <span>{t(state === 'offline' ? 'shell.offline' : 'shell.lost', { time })}</span>
      <button type="button" onClick={reopen}>{t('notice.retry')}</button>
    </div>
  );
}
