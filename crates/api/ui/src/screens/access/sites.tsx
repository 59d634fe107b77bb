// For which sites something counts: all of them, or some.

import type { Sites } from '../../api/access';
import { Chip, Chips } from '../../parts/field';
import type { Wrong } from '../../parts/form';
import { pick, t } from '../../text/language';
import type { Reach } from './access';

/** In words, for a line of a list. */
export function sitesText(sites: Sites, reach: Reach): string {
  if (sites === null) return t('access.all_sites');
  return sites.map((id) => pick(reach.sites.find((it) => it.id === id)?.name) || id).join(' · ');
}

/** What a new account or key begins with. */
export function firstSites(reach: Reach): Sites {
  return reach.mayGiveAll ? null : reach.sites.map((it) => it.id);
}

export function wrongSites(sites: Sites) {
  return sites?.length === 0 ? ('access.site_needed' as const) : null;
}

interface Props {
  value: Sites;
  reach: Reach;
  wrong: Wrong | null;
  onValue: (value: Sites) => void;
}

export function SitesField({ value, reach, wrong, onValue }: Props) {
  const chosen = value ?? [];
  // An account may be for a site that this server does not know.
  const strange = chosen.filter((id) => !reach.sites.some((it) => it.id === id));
  const offered = [...reach.sites, ...strange.map((id) => ({ id, name: id }))];
  const flip = (id: string) =>
    onValue(chosen.includes(id) ? chosen.filter((it) => it !== id) : [...chosen, id]);
  return (
    <Chips label={t('access.sites')} wrong={wrong} hint={value && t('access.sites_hint')}>
      {reach.mayGiveAll && (
        <Chip value="*" isOn={value === null} onPress={() => onValue(null)}>{t('access.all_sites')}</Chip>
      )}
      {offered.map((it) => (
        <Chip key={it.id} value={it.id} isOn={chosen.includes(it.id)} onPress={() => flip(it.id)}>
          {pick(it.name)}
        </Chip>
      ))}
    </Chips>
  );
}
