// Which screen stands at which path, and who is looking.

import { useEffect } from 'preact/hooks';
import { turnedAway } from './api/client';
import { useResource } from './api/resource';
import type { Session } from './api/types';
import { who } from './api/who';
import { NotFound } from './parts/notice';
import { Shell } from './parts/shell';
import { SignIn } from './parts/sign_in';
import { place } from './router';
import { AccessScreen, OwnScreen } from './screens/access';
import { ExploreScreen, ReviewScreen, RulesScreen } from './screens/bench';
import { DeviceScreen } from './screens/device';
import { DevicesScreen } from './screens/devices';
import { HealthScreen } from './screens/health';
import { StopsScreen } from './screens/stops';
import { TicketScreen } from './screens/ticket';
import { TicketsScreen } from './screens/tickets';
import { zone } from './text/format';
import { adoptLanguage, locale } from './text/language';

export function App() {
  const session = useResource<Session>('/session');
  const isStranger = session.problem?.status === 401;
  const known = isStranger ? null : session.value;
  useEffect(() => {
    if (0 < turnedAway.value) session.reload();
  }, [turnedAway.value]);
  useEffect(() => {
    who.value = known;
    if (!known) return;
    if (known.site) zone.value = known.site.time_zone;
    adoptLanguage(known.language);
  }, [known]);
  useEffect(() => {
    document.documentElement.lang = locale.value;
  }, [locale.value]);
  return (
    <Shell session={known} isStranger={isStranger}>
      {isStranger ? <SignIn onSession={session.put} /> : <Screen path={place.value.path} />}
    </Shell>
  );
}

function Screen({ path }: { path: string }) {
  const [first = '', second] = path.split('/').filter(Boolean).map(decodeURIComponent);
  if (first === 't' && second) return <TicketScreen key={second} id={second} />;
  if (first === 'd' && second) return <DeviceScreen key={second} id={second} />;
  if (first === '' || first === 'tickets') return <TicketsScreen />;
  if (first === 'devices') return <DevicesScreen />;
  if (first === 'review') return <ReviewScreen />;
  if (first === 'explore') return <ExploreScreen />;
  if (first === 'rules') return <RulesScreen />;
  if (first === 'health') return <HealthScreen />;
  if (first === 'stops') return <StopsScreen />;
  if (first === 'access') return <AccessScreen />;
  if (first === 'account') return <OwnScreen />;
  return <NotFound />;
}
