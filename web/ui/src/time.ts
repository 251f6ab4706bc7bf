import { LOCALE, type Lang } from './i18n.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const QUARTER_MS = 15 * MINUTE_MS;
/** Days that were worked out are remembered: the calendar is slow, and a list asks for each of its messages. */
const DAYS_KNOWN_MAX = 4_000;
let known = { zone: '', days: new Map<number, number>() };

/** A zone for tests; pages use the reader's own. */
export interface TimeOptions {
  lang: Lang;
  timeZone?: string;
}

/** The time of day, `09:31`. */
export function clockTime(at: string | number, { lang, timeZone }: TimeOptions): string {
  return formatter('clock', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }, lang, timeZone).format(
    new Date(at),
  );
}

/** Day and time in full, for who wants to know exactly. */
export function fullTime(at: string | number, { lang, timeZone }: TimeOptions): string {
  return formatter('full', { dateStyle: 'full', timeStyle: 'short' }, lang, timeZone).format(new Date(at));
}

/** Which day of the reader's calendar a moment falls on, as a number that grows by one each day. */
export function dayNumber(at: string | number, timeZone?: string): number {
  // Zones differ from UTC by whole quarters of an hour, so all moments of one quarter fall on the same day.
  const quarter = Math.floor((typeof at === 'number' ? at : Date.parse(at)) / QUARTER_MS);
  const zone = timeZone ?? '';
  if (known.zone !== zone || known.days.size >= DAYS_KNOWN_MAX) {
    known = { zone, days: new Map() };
  }
  let day = known.days.get(quarter);
  if (day === undefined) {
    day = calendarDay(at, timeZone);
    known.days.set(quarter, day);
  }
  return day;
}

function calendarDay(at: string | number, timeZone: string | undefined): number {
  const parts = formatter('day', { year: 'numeric', month: '2-digit', day: '2-digit' }, 'en', timeZone).formatToParts(
    new Date(at),
  );
  const part = (type: string): number => Number(parts.find(candidate => candidate.type === type)?.value);
  return Math.round(Date.UTC(part('year'), part('month') - 1, part('day')) / DAY_MS);
}

/** What separates one day from the next: `today`, `yesterday`, or the date as text. */
export function dayLabel(at: string | number, now: number, options: TimeOptions): 'today' | 'yesterday' | string {
  const age = dayNumber(now, options.timeZone) - dayNumber(at, options.timeZone);
  if (age === 0) {
    return 'today';
  }
  if (age === 1) {
    return 'yesterday';
  }
  const isNear = age > 0 && age < 7;
  const format: Intl.DateTimeFormatOptions = isNear
    ? { weekday: 'long' }
    : { day: 'numeric', month: 'long', ...(isThisYear(at, now, options) ? {} : { year: 'numeric' }) };
  return formatter(JSON.stringify(format), format, options.lang, options.timeZone).format(new Date(at));
}

/** When something last happened, short enough for a list: the time today, else the day. */
export function listTime(at: string | number, now: number, options: TimeOptions): string {
  if (dayNumber(at, options.timeZone) === dayNumber(now, options.timeZone)) {
    return clockTime(at, options);
  }
  return formatter('list', { day: 'numeric', month: 'short' }, options.lang, options.timeZone).format(new Date(at));
}

/** How long somebody has waited, to the second while that matters: `0:07`, `12:40`, `3:05:00`, then days. */
export function duration(ms: number, lang: Lang): string {
  const whole = Math.max(0, Math.floor(ms / 1000));
  const days = Math.floor((whole * 1000) / DAY_MS);
  if (days > 0) {
    const format = new Intl.NumberFormat(LOCALE[lang], { style: 'unit', unit: 'day', unitDisplay: 'long' });
    return format.format(days);
  }
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const seconds = String(whole % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${seconds}` : `${minutes}:${seconds}`;
}

function isThisYear(at: string | number, now: number, { timeZone }: TimeOptions): boolean {
  const year = formatter('year', { year: 'numeric' }, 'en', timeZone);
  return year.format(new Date(at)) === year.format(now);
}

const formatters = new Map<string, Intl.DateTimeFormat>();

/** Making a formatter costs far more than using it. */
function formatter(
  name: string,
  format: Intl.DateTimeFormatOptions,
  lang: Lang,
  timeZone: string | undefined,
): Intl.DateTimeFormat {
  const key = `${name}:${lang}:${timeZone ?? ''}`;
  let made = formatters.get(key);
  if (made === undefined) {
    made = new Intl.DateTimeFormat(LOCALE[lang], { ...format, ...(timeZone !== undefined && { timeZone }) });
    formatters.set(key, made);
  }
  return made;
}
