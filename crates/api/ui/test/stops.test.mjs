// What the screens of planned stops reckon by themselves.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

const root = fileURLToPath(new URL('../', import.meta.url));

/** A module of the page, compiled as the build does. */
async function load(path) {
  const { module } = await runnerImport(`${root}src/${path}`, { root, configFile: false, logLevel: 'error' });
  return module;
}

const { instant, wall } = await load('text/zoned.ts');
const { byNext, isNear, phase } = await load('screens/stops/reckon.ts');
const { commonPlace, countsFrom, folded, standing } = await load('screens/stops/machines.ts');
const { choices, endOfShift, shiftsOf, wholeMinute, wrongHours } = await load('screens/stops/hours.ts');

const source = (path) => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8');
const ms = (at) => Date.parse(at);
const iso = (at) => (at === null ? null : new Date(at).toISOString().replace('.000Z', 'Z'));

const STOP = {
  number: 'STOP-2026-0001',
  from: '2026-11-26T08:00:00Z',
  until: '2026-11-26T12:00:00Z',
  planned_at: '2026-11-25T10:00:00Z',
  ended_at: null,
};

test('a stop is to come, goes on from its first moment, and is over only when the server says so', () => {
  const at = (time, changes = {}) => phase({ ...STOP, ...changes }, ms(time));
  assert.equal(at('2026-11-26T07:59:59Z'), 'to_come');
  assert.equal(at('2026-11-26T08:00:00Z'), 'going_on');
  assert.equal(at('2026-11-26T12:00:01Z'), 'going_on', 'a browser that is ahead ends no stop');
  assert.equal(at('2026-11-26T09:00:00Z', { ended_at: '2026-11-26T08:30:00Z' }), 'over');
  assert.equal(at('2026-11-26T08:10:00Z', { ended_at: '2026-11-26T08:30:00Z' }), 'over');
  assert.equal(at('2026-11-26T09:00:00Z', { ended_at: '2026-11-26T07:00:00Z' }), 'called_off');
});

test('a stop that was planned for at once goes on, whatever the clock of the browser says', () => {
  const atOnce = { ...STOP, planned_at: '2026-11-26T08:00:00.003Z' };
  assert.equal(phase(atOnce, ms('2026-11-26T07:55:00Z')), 'going_on');
});

test('the tickets tell of a stop that goes on or begins within a day', () => {
  assert.ok(!isNear(STOP, ms('2026-11-25T07:59:59Z')));
  assert.ok(isNear({ ...STOP, planned_at: '2026-11-20T00:00:00Z' }, ms('2026-11-25T08:00:00Z')));
  assert.ok(isNear(STOP, ms('2026-11-26T11:00:00Z')));
  assert.ok(!isNear({ ...STOP, ended_at: '2026-11-26T10:00:00Z' }, ms('2026-11-26T11:00:00Z')));
});

test('what goes on stands before what is to come, and the next event first', () => {
  const on = { ...STOP, number: 'on' };
  const longer = { ...STOP, number: 'longer', from: '2026-11-26T01:00:00Z', until: '2026-11-27T12:00:00Z' };
  const soon = { ...STOP, number: 'soon', from: '2026-11-26T11:00:00Z' };
  const later = { ...STOP, number: 'later', from: '2026-11-30T11:00:00Z' };
  const order = byNext([later, longer, soon, on], ms('2026-11-26T09:00:00Z')).map((it) => it.number);
  assert.deepEqual(order, ['on', 'longer', 'soon', 'later']);
});

test('a time on the clocks of the plant is one moment, also where clocks are changed', () => {
  const at = (time, zone) => iso(instant(time, zone));
  assert.equal(at('2026-11-26T08:00', 'Asia/Shanghai'), '2026-11-26T00:00:00Z');
  assert.equal(at('2026-07-01T08:00', 'America/New_York'), '2026-07-01T12:00:00Z');
  assert.equal(at('2026-01-01T08:00', 'Asia/Kathmandu'), '2026-01-01T02:15:00Z');
  // The hour that is left out, and the one that comes twice.
  assert.equal(at('2026-03-29T02:30', 'Europe/Berlin'), '2026-03-29T01:30:00Z');
  assert.equal(at('2026-10-25T02:30', 'Europe/Berlin'), '2026-10-25T00:30:00Z');
  assert.equal(at('2026-03-08T02:30', 'America/New_York'), '2026-03-08T07:30:00Z');
  assert.equal(at('2026-11-01T01:30', 'America/New_York'), '2026-11-01T05:30:00Z');
  assert.equal(at('', 'UTC'), null);
  assert.equal(at('2026-13-01T08:00', 'UTC'), null);
});

test('a moment reads as the clocks of the plant show it, and back', () => {
  assert.equal(wall(ms('2026-12-31T16:00:00Z'), 'Asia/Shanghai'), '2027-01-01T00:00');
  for (const zone of ['UTC', 'Asia/Shanghai', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe']) {
    for (let hour = 0; hour < 8_760; hour += 37) {
      const at = ms('2026-01-01T00:00:00Z') + hour * 3_600_000;
      assert.equal(instant(wall(at, zone), zone), at, `${zone} ${iso(at)}`);
    }
  }
});

const told = (from, zone, shifts = []) =>
  Object.fromEntries(choices(ms(from), zone, shifts).map((it) => [it.id, iso(it.until)]));

test('the quick ends count hours as they pass, and mornings as clocks show them', () => {
  assert.deepEqual(told('2026-11-26T06:10:00Z', 'Asia/Shanghai'), {
    hours_2: '2026-11-26T08:10:00Z',
    hours_8: '2026-11-26T14:10:00Z',
    morning: '2026-11-27T00:00:00Z',
  });
  // It is tomorrow in Shanghai already.
  assert.equal(told('2026-11-26T17:00:00Z', 'Asia/Shanghai').morning, '2026-11-28T00:00:00Z');
  // The night in which Berlin's clocks are put forward, and back.
  assert.equal(told('2026-03-28T18:00:00Z', 'Europe/Berlin').morning, '2026-03-29T06:00:00Z');
  assert.equal(told('2026-10-24T18:00:00Z', 'Europe/Berlin').morning, '2026-10-25T07:00:00Z');
  assert.equal(told('2026-03-28T23:30:00Z', 'Europe/Berlin').hours_8, '2026-03-29T07:30:00Z');
});

const ROTA = source('config/rotas/mechanics.toml');

test('the shifts of the shipped rota are read, and those that a table import wrote', () => {
  assert.deepEqual(shiftsOf(ROTA), [
    { name: { en: 'day shift', zh: '白班' }, from: '08:00', to: '20:00', zone: 'Asia/Shanghai' },
    { name: { en: 'night shift', zh: '夜班' }, from: '20:00', to: '08:00', zone: 'Asia/Shanghai' },
  ]);
  const written = `schema = "forewarn.rota/1"
group = "mechanics"
time_zone = "Europe/Berlin"

[[shift]]
id = "early"
hours = "06:00-14:00"

[shift.name]
en = "early"
zh = "早班"

[[duty]]
shift = "early"
hours = "99:00-99:00"
people = ["a"]
`;
  assert.deepEqual(shiftsOf(written), [
    { name: { en: 'early', zh: '早班' }, from: '06:00', to: '14:00', zone: 'Europe/Berlin' },
  ]);
  assert.deepEqual(shiftsOf('shift = [{ id = "x" }]'), []);
  assert.deepEqual(shiftsOf(''), []);
});

test('the end of the shift is that of the one that works, also past midnight', () => {
  const [day, night] = shiftsOf(ROTA);
  const end = (shift, at) => iso(endOfShift(shift, ms(at)));
  assert.equal(end(day, '2026-11-26T06:00:00Z'), '2026-11-26T12:00:00Z');
  assert.equal(end(night, '2026-11-26T06:00:00Z'), null);
  assert.equal(end(night, '2026-11-26T13:00:00Z'), '2026-11-27T00:00:00Z');
  assert.equal(end(night, '2026-11-26T18:00:00Z'), '2026-11-27T00:00:00Z');
  assert.equal(end(day, '2026-11-26T12:00:00Z'), null, 'it has just ended');
  assert.equal(end(night, '2026-11-26T12:00:00Z'), '2026-11-27T00:00:00Z');
  const whole = { ...day, from: '00:00', to: '24:00' };
  assert.equal(end(whole, '2026-11-26T06:00:00Z'), '2026-11-26T16:00:00Z');
  const berlin = { name: 'n', from: '22:00', to: '06:00', zone: 'Europe/Berlin' };
  assert.equal(end(berlin, '2026-03-29T00:30:00Z'), '2026-03-29T04:00:00Z', 'a night of seven hours');
});

test('an end that two choices share is offered once, by the name of the shift', () => {
  const shifts = shiftsOf(ROTA);
  const found = choices(ms('2026-11-26T13:00:00Z'), 'Asia/Shanghai', shifts);
  assert.deepEqual(found.map((it) => it.kind), ['shift', 'hours_2', 'hours_8']);
  assert.deepEqual(found[0].name, { en: 'night shift', zh: '夜班' });
});

test('what a rule found again on a channel is one line with its newest time', () => {
  const one = { channel: 'a/b/c', rule: 'warmer', found_at: '3' };
  const found = [one, { ...one, rule: 'heating', found_at: '2' }, { ...one, found_at: '1' }];
  assert.deepEqual(folded(found).map((it) => [it.rule, it.found_at, it.times]), [['warmer', '3', 2], ['heating', '2', 1]]);
  assert.equal(found[0].times, undefined);
});

test('what has not ended counts as long after a stop as the server waits', () => {
  const waits = /RETURNS_WITHIN: Span = Span::from_secs\((\d+)\)/.exec(source('crates/domain/src/stop.rs'))[1];
  assert.equal(countsFrom('2026-11-26T12:00:00Z') - ms('2026-11-26T12:00:00Z'), 1_000 * Number(waits));
});

const PLANT = [
  { id: 'mill-01', area: 'hall-1', production_line: 'line-1' },
  { id: 'mill-02', area: 'hall-1', production_line: 'line-1' },
  { id: 'press-01', area: 'hall-1', production_line: '' },
  { id: 'pump-01', area: '', production_line: '' },
];

test('a machine stands alone, with its line or with its area, and a place without a name is none', () => {
  const ids = (device, which) => standing(device, which, PLANT).map((it) => it.id);
  assert.deepEqual(ids(PLANT[0], 'device'), ['mill-01']);
  assert.deepEqual(ids(PLANT[0], 'production_line'), ['mill-01', 'mill-02']);
  assert.deepEqual(ids(PLANT[0], 'area'), ['mill-01', 'mill-02', 'press-01']);
  assert.deepEqual(ids(PLANT[2], 'production_line'), []);
  assert.deepEqual(ids(PLANT[3], 'area'), []);
});

test('machines that are all of a line or an area go by its name', () => {
  assert.deepEqual(commonPlace(['mill-02', 'mill-01'], PLANT), { which: 'production_line', name: 'line-1' });
  assert.deepEqual(commonPlace(['mill-01', 'mill-02', 'press-01'], PLANT), { which: 'area', name: 'hall-1' });
  assert.equal(commonPlace(['mill-01', 'press-01'], PLANT), null);
  assert.equal(commonPlace(['mill-01'], PLANT), null);
  assert.equal(commonPlace(['press-01', 'pump-01'], PLANT), null);
  assert.equal(commonPlace([], PLANT), null);
});

test('hours that the server would refuse are told before they are sent', () => {
  const now = ms('2026-11-26T08:00:30Z');
  const wrong = (from, until) => wrongHours(from && ms(from), ms(until), now);
  assert.equal(wrong(null, '2026-11-26T08:00:30Z'), 'stop.is_past');
  assert.equal(wrong('2026-11-26T07:00:00Z', '2026-11-26T07:30:00Z'), 'stop.is_past');
  assert.equal(wrong('2026-11-27T08:00:00Z', '2026-11-27T08:00:00Z'), 'stop.not_after');
  assert.equal(wrong('2026-11-26T07:00:00Z', '2026-11-26T09:00:00Z'), null);
  assert.equal(wrong(null, '2027-01-25T08:00:30Z'), null);
  assert.equal(wrong(null, '2027-01-25T08:00:31Z'), 'stop.too_long');
  assert.equal(iso(wholeMinute(now)), '2026-11-26T08:01:00Z');
});

test('a refusal of the server is known by what it quotes', async () => {
  const { REFUSED } = await load('api/stops.ts');
  const handler = source('crates/api/src/resources/stops.rs');
  for (const [quoted] of REFUSED) assert.ok(handler.includes(quoted), quoted);
});
