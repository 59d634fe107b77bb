// The frame of every screen: name, navigation, language, and the banner that says when news stopped.

import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Session } from '../api/types';
import { signOut } from '../api/client';
import { heardAt, line, reopen } from '../api/live';
import { place } from '../router';
import { clock, now, zone } from '../text/format';
import { chooseLanguage, language, pick, t } from '../text/language';

/** A stream that comes back sooner than this was not worth a word. */
const LOST_AFTER_MS = 6_000;

interface Props {
  session: Session | null;
  children: ComponentChildren;
}

export function Shell({ session, children }: Props) {
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
        <nav aria-label={t('shell.navigation')}>
          <Tab href="/tickets" paths={['/', '/tickets', '/t/']} text={t('nav.tickets')} />
          <Tab href="/devices" paths={['/devices', '/d/']} text={t('nav.devices')} />
          <Tab href="/review" paths={['/review']} text={t('nav.review')} />
          <Tab href="/explore" paths={['/explore']} text={t('nav.explore')} />
          <Tab href="/rules" paths={['/rules']} text={t('nav.rules')} />
          <Tab href="/health" paths={['/health']} text={t('nav.health')} />
        </nav>
        <span class="site">{session?.site && pick(session.site.name)}</span>
        <LanguageSwitch />
        {session && !session.demo && <SignOut session={session} />}
      </header>
      {session && <Banner />}
      <main id="main" tabIndex={-1}>{children}</main>
      <footer class="foot">
        {session?.demo && <span>{t('shell.demo')}</span>}
        {session && <span>{t('shell.account', { account: session.name })}</span>}
        <span>{t('shell.zone', { zone: zone.value })}</span>
      </footer>
    </>
  );
}

function Tab({ href, paths, text }: { href: string; paths: string[]; text: string }) {
  const at = place.value.path;
  const isHere = paths.some((it) => (it === '/' ? at === it : at.startsWith(it)));
  return <a href={href} aria-current={isHere ? 'page' : undefined}>{text}</a>;
}

function SignOut({ session }: { session: Session }) {
  // Everything that was read belongs to the account, so the page begins anew.
  const leave = () => void signOut().finally(() => window.location.assign('/'));
  return (
    <button type="button" class="language" title={t('shell.account', { account: session.name })} onClick={leave}>
      {t('shell.sign_out')}
    </button>
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
