/** What the clock on the wall says in the city: rates and speeds go by it. */
export interface CityTime {
  /** 0 is Sunday. */
  weekday: number;
  /** 0 to 23. */
  hour: number;
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** Reads the city's clock; summer time is Intl's business. */
export function cityClock(timeZone: string): (at: Date) => CityTime {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, weekday: 'short', hour: 'numeric', hourCycle: 'h23' });
  return (at) => {
    const parts = new Map(format.formatToParts(at).map((part) => [part.type, part.value]));
    return { weekday: WEEKDAYS.indexOf(parts.get('weekday') ?? 'Sun'), hour: Number(parts.get('hour')) };
  };
}
